"""Small folders of images and labels, for the tests of the survey."""

import pathlib

import cv2
import numpy as np
from PIL import Image

COLOURS = np.array([(60, 60, 60), (250, 0, 0), (0, 0, 250)], np.uint8)


def photograph(seed: int, size=(140, 150)) -> np.ndarray:
  """A picture like no other: smooth noise of three scales."""
  rng = np.random.default_rng(seed)
  picture = np.zeros((*size, 3), np.float32)
  for cells in (3, 9, 30):
    noise = rng.uniform(0, 1, (cells, cells, 3)).astype(np.float32)
    picture += cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC)
  picture -= picture.min()
  return (picture / picture.max() * 255).astype(np.uint8)


def label(seed: int, size=(140, 150), values=(0, 1, 2)) -> np.ndarray:
  """Large areas of all values."""
  rng = np.random.default_rng(seed)
  noise = rng.uniform(0, 1, (4, 4)).astype(np.float32)
  noise = cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC)
  edges = np.quantile(noise, np.linspace(0, 1, len(values) + 1)[1:-1])
  dtype = np.uint16 if max(values) > 255 else np.uint8
  return np.array(values, dtype)[np.digitize(noise, edges)]


def save(path: pathlib.Path, pixels: np.ndarray, **settings) -> pathlib.Path:
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.fromarray(pixels).save(path, **settings)
  return path


def fill(
  folder: pathlib.Path,
  count: int = 6,
  image: str = 'images/{}.png',
  mask: str = 'labels/{}.png',
  *,
  values=(0, 1, 2),
  first: int = 0,
) -> pathlib.Path:
  """Pairs under names of any pattern."""
  for i in range(first, first + count):
    save(folder / image.format(f's{i}'), photograph(i))
    save(folder / mask.format(f's{i}'), label(i, values=values))
  return folder
