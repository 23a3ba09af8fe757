"""Merges windows: overlaps are blended with weights that sum to 1."""

from collections.abc import Iterable

import numpy as np

from magnet_jax.ops import windows
from magnet_jax.types import WindowGrid


def add_windows(
  target: np.ndarray,
  grid: WindowGrid,
  pieces: Iterable[tuple[int, np.ndarray]],
  weights: windows.Weights = windows.axis_weights,
) -> np.ndarray:
  """Adds weighted windows to an area, in place.

  Adding *changes* (new minus old) of only some windows is exact too: omitted
  windows then contribute their old values with their weights.

  Args:
    target: float32 [H,W,C], changed in place.
    grid: the windows over it.
    pieces: (index of the window in the grid, float32 [h,w,C]); the padding of
      a window is dropped.
    weights: of the windows along an axis; they sum to 1 at every pixel.

  Returns:
    `target`.
  """
  rows, columns = windows.grid_weights(grid, weights)
  height, width = grid.size
  for number, piece in pieces:
    i, j = divmod(number, len(grid.lefts))
    top, left = grid.tops[i], grid.lefts[j]
    h = min(grid.window[0], height - top)
    w = min(grid.window[1], width - left)
    weight = rows[i, :h, None] * columns[j, None, :w]
    inside = target[top : top + h, left : left + w]
    if weight.min() == 1:  # no overlap: saves a full pass
      inside += piece[:h, :w]
    else:
      inside += weight[..., None] * piece[:h, :w]
  return target


def merge(pieces: np.ndarray, grid: WindowGrid) -> np.ndarray:
  """Blends all windows of a grid: float32 [N,h,w,C] -> [H,W,C]."""
  target = np.zeros((*grid.size, pieces.shape[-1]), np.float32)
  return add_windows(target, grid, enumerate(pieces))
