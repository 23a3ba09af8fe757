"""Means over equal parts of an image's sides, exact, on the host."""

import numpy as np

from magnet_jax.types import Size


def part_means(pixels: np.ndarray, size: Size) -> np.ndarray:
  """Shrinks an image to the means of `size` parts that cover it.

  If a side is not divisible, neighbouring parts share a row or column, as with
  PyTorch's adaptive average pooling; `ops.resize.mean_pool` is the same on the
  device. Sums are integers, and only a few rows of them are in memory.

  Args:
    pixels: integers or booleans [H,W] or [H,W,C].
    size: (height, width) of the result, from 1 to those of `pixels`.

  Returns:
    float32 [h,w] or [h,w,C].
  """
  (tops, bottoms), (lefts, rights) = (
    _parts(have, want)
    for have, want in zip(pixels.shape[:2], size, strict=True)
  )
  result = np.empty((*size, *pixels.shape[2:]), np.float32)
  below = np.zeros((pixels.shape[1] + 1, *pixels.shape[2:]), np.int64)
  widths = (rights - lefts).reshape(-1, *(1 for _ in pixels.shape[2:]))
  for row, (top, bottom) in enumerate(zip(tops, bottoms, strict=True)):
    total = pixels[top:bottom].sum(0, dtype=np.int64)
    np.cumsum(total, axis=0, out=below[1:])
    sums = below[rights] - below[lefts]
    result[row] = sums / (widths * (bottom - top))
  return result


def _parts(length: int, count: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns the first pixel of each part, and the one after its last."""
  parts = np.arange(count)
  return parts * length // count, -(-(parts + 1) * length // count)
