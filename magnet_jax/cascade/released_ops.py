"""The published code's array operations, half-pixel shifts and all.

For `released` only; everything else uses the aligned operations of `ops`.
"""

import math

import cv2
import numpy as np

from magnet_jax.types import Size, WindowGrid


def grid(size: Size, window: Size) -> WindowGrid:
  """Computes the published code's windows: equal steps, rounded down.

  Because steps are rounded down, the last window may end before the edge:
  1000 pixels in windows of 300 have steps of 233 and end at 999. An area
  smaller than a window has one window of its own size.
  """
  window = (min(window[0], size[0]), min(window[1], size[1]))
  tops, lefts = (
    _starts(length, side) for length, side in zip(size, window, strict=True)
  )
  return WindowGrid(size, window, tops, lefts)


def _starts(length: int, window: int) -> tuple[int, ...]:
  count = math.ceil(length / window)
  step = (length - window) // (count - 1) if count > 1 else 0
  return tuple(i * step for i in range(count))


def image(pixels: np.ndarray, size: Size) -> np.ndarray:
  """Resizes uint8 [H,W,3] bilinearly, without averaging when it shrinks.

  Args:
    pixels: uint8 [H,W,3].
    size: (h, w) of the result.

  Returns:
    uint8 [h,w,3].
  """
  if pixels.shape[:2] == size:
    return pixels
  return np.asarray(
    cv2.resize(pixels, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
  )


def roi_align(
  maps: np.ndarray,
  box: tuple[float, float, float, float],
  size: Size,
) -> np.ndarray:
  """Computes RoIAlign (Mask R-CNN, 2017) in its first, unaligned form.

  Each pixel of the result is the mean of a few bilinear samples; along each
  axis as many as the box has pixels per pixel of the result, rounded up. The
  centre of pixel i is taken as i, not i + 0.5, so the result lies half a pixel
  off: a box of the result's own size is averaged over 2x2 pixels, not copied.

  Args:
    maps: float32 [H,W,C].
    box: top, left, bottom, right in pixels, inside the map; a side below 1 is
      raised to 1.
    size: (h, w) of the result.

  Returns:
    float32 [h,w,C].
  """
  top, left, bottom, right = box
  # Cropped first: the samples touch only this part of a map of a whole stage.
  row, column = math.floor(top), math.floor(left)
  piece = maps[row : math.ceil(bottom) + 2, column : math.ceil(right) + 2]
  piece = _align_axis(piece, 0, (top - row, bottom - row), size[0])
  return _align_axis(piece, 1, (left - column, right - column), size[1])


def _align_axis(
  maps: np.ndarray, axis: int, span: tuple[float, float], count: int
) -> np.ndarray:
  """Means of the samples of `count` equal parts of an axis."""
  step = max(span[1] - span[0], 1.0) / count
  samples = math.ceil(step)
  last = maps.shape[axis] - 1
  shape = [count if i == axis else side for i, side in enumerate(maps.shape)]
  total = np.zeros(shape, np.float32)
  for i in range(samples):
    centres = span[0] + (np.arange(count) + (i + 0.5) / samples) * step
    low = np.minimum(centres.astype(np.intp), last)
    part = np.where(low < last, centres - low, 0).astype(np.float32)
    part = part[:, None, None] if axis == 0 else part[:, None]
    total += maps.take(low, axis) * (1 - part)
    total += maps.take(np.minimum(low + 1, last), axis) * part
  return total / np.float32(samples)


def nearest(maps: np.ndarray, size: Size) -> np.ndarray:
  """Samples [H,W,...] at `size` points: pixel floor(i * H / h) for row i."""
  rows, columns = (
    # float32 as published: the product may fall just short of an integer.
    np.minimum(
      np.arange(count, dtype=np.float32) * np.float32(length / count),
      length - 1,
    ).astype(np.intp)
    for length, count in zip(maps.shape[:2], size, strict=True)
  )
  return maps[rows[:, None], columns]


def zero_padded_median(scores: np.ndarray, kernel: int) -> np.ndarray:
  """Computes the median over `kernel` x `kernel` pixels, zeros around the map.

  Args:
    scores: float32 [h,w].
    kernel: odd side of the neighbourhood.

  Returns:
    float32 [h,w], pulled towards 0 at the edges.
  """
  neighbours = np.lib.stride_tricks.sliding_window_view(
    np.pad(scores, kernel // 2), (kernel, kernel)
  )
  middle = kernel**2 // 2
  # Row by row: all rows at once would need kernel**2 copies of the map.
  rows = [
    np.partition(row.reshape(-1, kernel**2), middle)[:, middle]
    for row in neighbours
  ]
  return np.stack(rows)
