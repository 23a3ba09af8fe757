"""A sheet of images next to their labels, to check that pairs are right."""

import itertools
import math

import numpy as np
from PIL import Image, ImageDraw

from magnet_jax.data import reading
from magnet_jax.ops import resize
from magnet_jax.predict import pictures
from magnet_jax.survey.dividing import SPLITS
from magnet_jax.survey.survey import Survey
from magnet_jax.types import InputError, Sample

_SIDE = 320  # of a picture
_COLUMNS = 2  # pairs in a row
_GAP, _LINE, _BETWEEN = 12, 22, 4


def choose(survey: Survey, most: int) -> list[int]:
  """Chooses pairs from all splits that together show many classes."""
  wanted: list[int] = []
  present = survey.pixels[:, :-1] > 0
  seen = np.zeros(present.shape[1], bool)
  for split in SPLITS:
    for _ in range(math.ceil(most / 3)):
      rest = [i for i in survey.of_split(split) if i not in wanted]
      if not rest:
        break
      best = max(rest, key=lambda i: np.count_nonzero(present[i] & ~seen))
      wanted.append(best)
      seen |= present[best]
  return sorted(wanted[:most])


def draw(survey: Survey, how: reading.Reading, most: int = 12) -> np.ndarray:
  """Draws image and overlay of some pairs, with names and a legend.

  Args:
    survey: the pairs.
    how: how images are read.
    most: pairs shown.

  Returns:
    uint8 [h,w,3], RGB.
  """
  cells = []
  for index in choose(survey, most):
    pair = survey.looks[index].pair
    try:
      sample = reading.read_sample(
        pair.image, pair.label, survey.table, reading=how
      )
    except InputError as error:
      cells.append(_cell(str(error)))
      continue
    cells.append(_pair_cell(sample, survey, survey.splits[index]))
  rows = [
    np.concatenate(cells[start : start + _COLUMNS], axis=1)
    for start in range(0, len(cells), _COLUMNS)
  ]
  width = max(row.shape[1] for row in rows)
  parts = [pictures.legend(survey.table, width), *rows]
  return np.concatenate(
    [
      np.pad(
        part,
        ((0, 0), (0, width - part.shape[1]), (0, 0)),
        constant_values=255,
      )
      for part in parts
    ]
  )


def _pair_cell(sample: Sample, survey: Survey, split: str) -> np.ndarray:
  """Draws an image and the same with its label on it, under their name."""
  assert sample.label is not None
  height, width = sample.label.shape
  scale = min(1.0, _SIDE / max(height, width))
  size = (max(1, round(height * scale)), max(1, round(width * scale)))
  image = resize.image(sample.image, size)
  label = resize.label(sample.label, size)
  shown = pictures.overlay(image, label, survey.table, 0.6)
  return _cell(f'{sample.name}  {width}x{height}  {split}', image, shown)


def _cell(text: str, *images: np.ndarray) -> np.ndarray:
  """Draws up to two pictures side by side under a line of text."""
  size = (_SIDE + _LINE + _GAP, 2 * _SIDE + _BETWEEN + _GAP, 3)
  cell = np.full(size, 255, np.uint8)
  lefts = itertools.count(0, _SIDE + _BETWEEN)
  for left, image in zip(lefts, images, strict=False):
    height, width = image.shape[:2]
    cell[_LINE : _LINE + height, left : left + width] = image
  # The text ends where the pictures do.
  inside = Image.fromarray(cell[:-_GAP, :-_GAP])
  ImageDraw.Draw(inside).text(
    (2, _LINE // 2), text, pictures.INK, pictures.typeface(14), 'lm'
  )
  cell[:-_GAP, :-_GAP] = np.asarray(inside)
  return cell
