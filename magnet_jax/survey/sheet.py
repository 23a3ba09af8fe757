"""A sheet of images beside their labels, to see that the pairs are right."""

from collections.abc import Sequence
import math

import numpy as np
from PIL import Image, ImageDraw

from magnet_jax.data import reading
from magnet_jax.ops import resize
from magnet_jax.predict import pictures
from magnet_jax.survey.survey import Survey
from magnet_jax.types import InputError, Sample

_SIDE = 320  # of a picture
_COLUMNS = 2  # pairs in a row
_GAP, _LINE = 12, 22


def choose(survey: Survey, most: int) -> list[int]:
  """Some pairs of all splits that together show many classes."""
  wanted: list[int] = []
  seen = np.zeros(survey.pixels.shape[1] - 1, bool)
  for split in ('train', 'val', 'test'):
    rows = survey.of_split(split)
    for _ in range(math.ceil(most / 3)):
      rest = [i for i in rows if i not in wanted]
      if not rest:
        break
      new = [int(((survey.pixels[i, :-1] > 0) & ~seen).sum()) for i in rest]
      best = rest[int(np.argmax(new))]
      wanted.append(best)
      seen |= survey.pixels[best, :-1] > 0
  return sorted(wanted[:most])


def draw(survey: Survey, how: reading.Reading, most: int = 12) -> np.ndarray:
  """Draws image and overlay of some pairs, with names and a legend.

  Args:
    survey: the pairs.
    how: images are read.
    most: pairs shown.

  Returns:
    uint8 [h,w,3], RGB.
  """
  cells = []
  for index in choose(survey, most):
    look = survey.looks[index]
    try:
      sample = reading.read_sample(
        look.pair.image, look.pair.label, survey.table, reading=how
      )
    except InputError as error:
      cells.append(_text_cell(str(error)))
      continue
    cells.append(_cell(sample, survey, survey.splits[index]))
  rows = [
    _beside(cells[start : start + _COLUMNS])
    for start in range(0, len(cells), _COLUMNS)
  ]
  width = max(row.shape[1] for row in rows)
  legend = pictures.legend(survey.table, width)
  parts = [_widen(part, width) for part in (legend, *rows)]
  return np.concatenate(parts)


def _cell(sample: Sample, survey: Survey, split: str) -> np.ndarray:
  """An image and the same with its label on it, under their name."""
  assert sample.label is not None
  height, width = sample.label.shape
  scale = min(1.0, _SIDE / max(height, width))
  size = (max(1, round(height * scale)), max(1, round(width * scale)))
  image = resize.image(sample.image, size)
  label = resize.label(sample.label, size)
  shown = pictures.overlay(image, label, survey.table, 0.6)
  both = np.full((_SIDE + _LINE, 2 * _SIDE + 4, 3), 255, np.uint8)
  both[_LINE : _LINE + size[0], : size[1]] = image
  both[_LINE : _LINE + size[0], _SIDE + 4 : _SIDE + 4 + size[1]] = shown
  return _write(both, f'{sample.name}  {width}x{height}  {split}')


def _text_cell(text: str) -> np.ndarray:
  blank = np.full((_SIDE + _LINE, 2 * _SIDE + 4, 3), 255, np.uint8)
  return _write(blank, text)


def _write(picture: np.ndarray, text: str) -> np.ndarray:
  paper = Image.fromarray(picture)
  ImageDraw.Draw(paper).text(
    (2, _LINE // 2), text, pictures.INK, pictures.typeface(14), 'lm'
  )
  return np.asarray(paper)


def _beside(cells: Sequence[np.ndarray]) -> np.ndarray:
  return np.concatenate(
    [
      np.pad(c, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=255)
      for c in cells
    ],
    axis=1,
  )


def _widen(picture: np.ndarray, width: int) -> np.ndarray:
  missing = ((0, 0), (0, width - picture.shape[1]), (0, 0))
  return np.pad(picture, missing, constant_values=255)
