"""Window grids: exact cover of an area, cropping, and blending weights."""

from collections.abc import Callable
import math

import numpy as np

from magnet_jax.types import InputError, Size, WindowGrid

# (length, window, starts) -> float32 [N,window], as `axis_weights`.
Weights = Callable[[int, int, tuple[int, ...]], np.ndarray]


def axis_starts(
  length: int, window: int, overlap: float = 0.0
) -> tuple[int, ...]:
  """Returns the starts of the fewest evenly spaced windows on one axis.

  The first starts at 0 and the last ends at `length`; neighbours share at
  least `overlap` of a window. Even spacing, rather than moving only the last
  window back, distributes the remainder over all seams.

  Args:
    length: pixels to cover, at least 1.
    window: pixels of a window, at least 1.
    overlap: least shared fraction of neighbouring windows, in [0, 1).

  Returns:
    Ascending starts; (0,) if one window is enough.

  Raises:
    InputError: a value is out of range.
  """
  if length < 1 or window < 1:
    raise InputError(
      f'length {length} and window {window}: both must be at least 1 pixel; '
      'give positive sizes'
    )
  if not 0 <= overlap < 1:
    raise InputError(
      f'overlap {overlap}: must lie in [0, 1); give a fraction of a window'
    )
  if length <= window:
    return (0,)
  stride = max(1, math.floor(window * (1 - overlap)))
  steps = -(-(length - window) // stride)
  # In integers, as rounding a float product could move the last start.
  return tuple(i * (length - window) // steps for i in range(steps + 1))


def make_grid(size: Size, window: Size, overlap: float = 0.0) -> WindowGrid:
  """Returns the grid of windows that covers an area of `size` (height, width).

  If the area is smaller than a window, that axis has one window that is padded.
  Raises InputError as `axis_starts` does.
  """
  return WindowGrid(
    size=size,
    window=window,
    tops=axis_starts(size[0], window[0], overlap),
    lefts=axis_starts(size[1], window[1], overlap),
  )


def cut(array: np.ndarray, corner: tuple[int, int], window: Size) -> np.ndarray:
  """Cuts one window, repeating the last row and column where it sticks out.

  Args:
    array: [H,W,...].
    corner: (top, left), inside the array.
    window: (height, width).

  Returns:
    [h,w,...]: a view if the window lies inside, else a padded copy.
  """
  top, left = corner
  piece = array[top : top + window[0], left : left + window[1]]
  missing = (window[0] - piece.shape[0], window[1] - piece.shape[1])
  if missing == (0, 0):
    return piece
  padding = [(0, missing[0]), (0, missing[1])] + [(0, 0)] * (array.ndim - 2)
  return np.pad(piece, padding, mode='edge')


def extract(array: np.ndarray, grid: WindowGrid) -> np.ndarray:
  """Cuts all windows of a grid: [H,W,...] -> [N,h,w,...]."""
  return np.stack([cut(array, corner, grid.window) for corner in grid.corners])


def axis_weights(
  length: int, window: int, starts: tuple[int, ...]
) -> np.ndarray:
  """Returns blending weights of the windows of an axis; they sum to 1.

  Each window is a tent of height 1 at its ends. The tents are divided by their
  sum, so a pixel covered by a single window has a weight of exactly 1.

  Returns:
    float32 [N,window]; 0 in padding.
  """
  tent = np.minimum(np.arange(window), np.arange(window)[::-1]) + 1.0
  total = np.zeros(max(length, window))
  for start in starts:
    total[start : start + window] += tent
  weights = np.stack([tent / total[s : s + window] for s in starts])
  inside = np.asarray(starts)[:, None] + np.arange(window) < length
  return (weights * inside).astype(np.float32)


def grid_weights(
  grid: WindowGrid, weights: Weights = axis_weights
) -> tuple[np.ndarray, np.ndarray]:
  """Returns weights of the rows [Nt,h] and columns [Nl,w] of the windows.

  The weight of window (i, j) at its pixel (y, x) is rows[i,y] * columns[j,x].
  """
  return (
    weights(grid.size[0], grid.window[0], grid.tops),
    weights(grid.size[1], grid.window[1], grid.lefts),
  )
