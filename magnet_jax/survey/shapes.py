"""Shapes that annotation tools store, as pixels.

A pixel is inside a polygon if its centre is, so that neighbours which share a
border leave no gap and do not overlap; OpenCV and Pillow also draw the border.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from magnet_jax.types import Size

MOST = 2**28  # pixels of an image with annotations
_FARTHEST = 1e7  # of a corner, in pixels
_EDGES = 2**24  # crossings of a polygon's edges with rows


class Mask(NamedTuple):
  """Pixels of a shape: bool [h,w], and where their corner is in the image."""

  pixels: np.ndarray
  top: int = 0
  left: int = 0


def polygon(corners: np.ndarray, size: Size) -> Mask:
  """Returns the pixels whose centres are inside, by the even-odd rule.

  Args:
    corners: [N,2], x and y in pixels from the upper left corner of the image;
      the last one is joined to the first.
    size: (height, width) of the image, outside of which nothing is drawn.

  Raises:
    ValueError: fewer than three corners, or one that is no place near an image.
  """
  corners = np.asarray(corners, np.float64)
  if corners.ndim != 2 or corners.shape[0] < 3 or corners.shape[1] != 2:
    raise ValueError('an outline of fewer than three corners')
  if not (np.abs(corners) <= _FARTHEST).all():  # NaN is not
    raise ValueError('an outline far outside of its image')
  height, width = size
  low, high = corners.min(0), corners.max(0)
  left, top = (int(max(0, np.floor(each))) for each in low)
  right, bottom = (
    int(min(np.ceil(each), end))
    for each, end in zip(high, (width, height), strict=True)
  )
  if right <= left or bottom <= top:
    return Mask(np.zeros((0, 0), bool))
  x0, y0 = (corners - (left, top)).T
  x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
  # Rows whose centres an edge crosses: from ceil(y - .5), half open.
  rows = bottom - top
  first = np.clip(np.ceil(np.minimum(y0, y1) - 0.5), 0, rows).astype(int)
  after = np.clip(np.ceil(np.maximum(y0, y1) - 0.5), 0, rows).astype(int)
  counts = after - first
  if counts.sum() > _EDGES:
    raise ValueError('an outline that crosses itself too often')
  edge = np.repeat(np.arange(len(counts)), counts)
  row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
  row += first[edge]
  share = (row + 0.5 - y0[edge]) / (y1 - y0)[edge]
  x = x0[edge] + share * (x1 - x0)[edge]
  column = np.clip(np.ceil(x - 0.5), 0, right - left).astype(int)
  turns = np.zeros((rows, right - left + 1), bool)
  np.logical_xor.at(turns, (row, column), True)
  return Mask(np.logical_xor.accumulate(turns, 1)[:, :-1], top, left)


def runs(counts: Sequence[int] | str, size: Size) -> Mask:
  """Decodes COCO's run lengths, of pixels column by column, zeros first.

  Args:
    counts: the lengths, or COCO's text of them.
    size: (height, width) of the image.

  Raises:
    ValueError: they are no lengths, or not of an image of this size.
  """
  lengths = _lengths(counts) if isinstance(counts, str) else [*counts]
  height, width = size
  right = all(type(each) is int and each >= 0 for each in lengths)
  if not right or sum(lengths) != height * width:
    raise ValueError('run lengths that are not those of its image')
  ones = np.arange(len(lengths)) % 2 == 1
  return Mask(np.repeat(ones, lengths).reshape(width, height).T)


def _lengths(text: str) -> list[int]:
  """Decodes numbers of 5 bits a letter, least first, the sixth: to go on.

  From the fourth on, a number is the difference to that two before it.
  """
  found: list[int] = []
  value = shift = 0
  for letter in text:
    bits = ord(letter) - 48
    if not 0 <= bits < 64 or shift > 60:
      raise ValueError('run lengths in another form than COCO writes')
    value |= (bits & 31) << shift
    shift += 5
    if bits & 32:
      continue
    if bits & 16:  # the sign
      value -= 1 << shift
    found.append(value + (found[-2] if len(found) > 2 else 0))
    value = shift = 0
  if shift:
    raise ValueError('run lengths that are cut off')
  return found


def brush(data: Sequence[int], size: Size) -> Mask:
  """Decodes a brush of Label Studio: the bits of RGBA bytes, run by run.

  The first 32 bits count the bytes, 5 tell the bits of one less 1, and four
  times 4 those of a run's length less 1, of which each run names one. A run is
  of one byte if its first bit is set, else of as many as it is long.

  Args:
    data: bytes.
    size: (height, width) of the image.

  Raises:
    ValueError: they are no such bytes, or not of an image of this size.
  """
  height, width = size
  if not all(type(each) is int and 0 <= each < 256 for each in data):
    raise ValueError('a brush that is not made of bytes')
  reader = _Bits(np.unpackbits(np.array(data, np.uint8)))
  total = reader.number(32)
  if total != 4 * height * width:
    raise ValueError('a brush that is not that of its image')
  word = reader.number(5) + 1
  lengths = [reader.number(4) + 1 for _ in range(4)]
  found = np.zeros(total, np.uint8)
  at = 0
  while at < total:
    same = reader.number(1)
    end = min(at + 1 + reader.number(lengths[reader.number(2)]), total)
    found[at:end] = (
      reader.number(word) if same else reader.words(word, end - at)
    )
    at = end
  return Mask(found.reshape(height, width, 4)[..., 3] > 0)


class _Bits:
  """Reads numbers from bits, most significant first."""

  def __init__(self, bits: np.ndarray) -> None:
    self._bits = bits
    self._at = 0

  def number(self, length: int) -> int:
    return int(self.words(length, 1)[0])

  def words(self, length: int, count: int) -> np.ndarray:
    end = self._at + length * count
    if end > len(self._bits):
      raise ValueError('a brush that is cut off')
    bits = self._bits[self._at : end].reshape(count, length)
    self._at = end
    return bits @ (1 << np.arange(length - 1, -1, -1, dtype=np.int64))
