"""Means over square boxes, which at a border hold only what is there."""

import cv2
import numpy as np

from magnet_jax.types import Size


class Box:
  """Means over boxes of 2 radius + 1 pixels per side, in float64.

  Differences of two means, such as a variance, lose most of their digits, so
  running sums of float64 are kept: of 8-bit values and their products they are
  exact. The time per pixel is the same for any radius.

  Args:
    radius: of the boxes, in pixels, at least 0.
    size: (height, width) of the whole map.
    rows: the first row, and the last plus one, of the part of the map that is
      averaged. Means are wrong within `radius` rows of a cut.

  >>> Box(1, (1, 3), (0, 1))(np.array([[0.0, 3.0, 6.0]]))
  array([[1.5, 3. , 4.5]])
  """

  def __init__(self, radius: int, size: Size, rows: tuple[int, int]):
    height, width = size
    # A box that covers the whole map does not grow any further.
    down, across = min(radius, height - 1), min(radius, width - 1)
    self._sides = 2 * across + 1, 2 * down + 1
    # OpenCV divides by the number of pixels of a whole box.
    down_by = (2 * down + 1) / _counts(height, down)[slice(*rows)]
    across_by = (2 * across + 1) / _counts(width, across)
    self._rows = [(cut, down_by[cut, None]) for cut in _runs(down_by > 1)]
    self._columns = [(cut, across_by[cut]) for cut in _runs(across_by > 1)]

  def __call__(self, plane: np.ndarray) -> np.ndarray:
    """Averages a map: float64 [rows,W] of float64 [rows,W]."""
    means = np.asarray(
      cv2.boxFilter(
        plane, cv2.CV_64F, self._sides, borderType=cv2.BORDER_CONSTANT
      )
    )
    for cut, factor in self._rows:
      means[cut] *= factor
    for cut, factor in self._columns:
      means[:, cut] *= factor
    return means


def _counts(length: int, radius: int) -> np.ndarray:
  """Returns how many pixels lie in the box of each: int [length]."""
  places = np.arange(length)
  return np.minimum(places + radius + 1, length) - np.maximum(
    places - radius, 0
  )


def _runs(chosen: np.ndarray) -> list[slice]:
  """Returns the runs of chosen places of an axis, which has two at most."""
  ends = np.flatnonzero(np.diff(chosen, prepend=False, append=False))
  return [slice(*pair) for pair in ends.reshape(-1, 2)]
