"""Area averages of an image that arrives in pieces, exact to the last bit.

An image shrunk to the size of a stage must be the same whether it is in memory
or read from a file tile by tile. So rows are added one by one, from top to
bottom; the columns of a row are averaged when it is complete. Neither depends
on how the image is divided. If a pixel of the result covers whole pixels, sums
are integers and only need to be rounded as OpenCV does, which is by far the
fastest for an image in memory.
"""

import math

import cv2
import numpy as np

from magnet_jax.types import Size


class AreaAverage:
  """Shrinks an image that arrives in bands of rows, from top to bottom.

  Args:
    size: (height, width) of the image.
    target: (height, width) of the result, neither side larger.

  >>> average = AreaAverage((4, 4), (2, 2))
  >>> average.add(0, 0, np.full((3, 4, 3), 10, np.uint8))
  >>> average.take(3).shape  # rows that three rows of the image complete
  (1, 2, 3)
  """

  def __init__(self, size: Size, target: Size):
    self._size = size
    self._target = target
    self._first = 0  # row of the result that the first row of sums belongs to
    self._sums = np.zeros((0, size[1], 3), np.float32)

  def add(self, top: int, left: int, pixels: np.ndarray) -> None:
    """Adds uint8 [h,w,3], any part of the current band."""
    have, want = self._size[0], self._target[0]
    self._grow(-(-(top + len(pixels)) * want // have))
    columns = slice(left, left + pixels.shape[1])
    for row, values in enumerate(pixels, start=top):
      # In units of which a row has `want` and a row of the result `have`.
      place, inside = divmod(row * want, have)
      sums = self._sums[place - self._first, columns]
      here = min(want, have - inside)
      if here == want:
        cv2.accumulate(values, sums)
        continue
      sums += values * np.float32(here / want)
      self._sums[place + 1 - self._first, columns] += values * np.float32(
        1 - here / want
      )

  def take(self, bottom: int) -> np.ndarray:
    """Returns the rows that are complete now and were not taken before.

    Args:
      bottom: rows of the image that were added, with all columns.

    Returns:
      uint8 [n,w,3].
    """
    have, want = self._size[0], self._target[0]
    count = bottom * want // have - self._first
    ready, self._sums = self._sums[:count], self._sums[count:].copy()
    self._first += count
    if not count:
      return np.zeros((0, self._target[1], 3), np.uint8)
    averages = cv2.resize(
      ready, (self._target[1], count), interpolation=cv2.INTER_AREA
    )
    cell = _cell(self._size, self._target)
    if cell is None:
      averages *= np.float32(want / have)
      return np.rint(averages).astype(np.uint8)
    return _rounded(np.rint(averages * np.float32(cell[1])), cell)

  def _grow(self, last: int) -> None:
    """Allocates the rows of the result before `last`."""
    missing = last - self._first - len(self._sums)
    if missing > 0:
      more = np.zeros((missing, *self._sums.shape[1:]), np.float32)
      self._sums = np.concatenate([self._sums, more])


def _cell(size: Size, target: Size) -> Size | None:
  """Returns rows and columns per pixel of the result; None: not integers."""
  if size[0] % target[0] or size[1] % target[1]:
    return None
  return size[0] // target[0], size[1] // target[1]


def _rounded(sums: np.ndarray, cell: Size) -> np.ndarray:
  """Averages integer sums, rounded as by OpenCV: uint8."""
  if cell == (2, 2):
    return np.floor(sums / 4 + np.float32(0.5)).astype(np.uint8)
  return np.rint(sums * np.float32(1 / math.prod(cell))).astype(np.uint8)


def shrink(pixels: np.ndarray, size: Size) -> np.ndarray:
  """Averages the areas of a whole image: uint8 [H,W,3] -> [h,w,3]."""
  have = (pixels.shape[0], pixels.shape[1])
  if have == size:
    return pixels
  if _cell(have, size):
    return np.asarray(
      cv2.resize(pixels, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    )
  average = AreaAverage(have, size)
  rows = max(1, 2**18 // pixels.shape[1])  # fits the cache
  bands = []
  for top in range(0, len(pixels), rows):
    band = pixels[top : top + rows]
    average.add(top, 0, band)
    bands.append(average.take(top + len(band)))
  return np.concatenate(bands)
