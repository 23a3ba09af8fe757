"""What one window of a stage needs, cut and aligned on the host."""

from collections.abc import Sequence
import math

import numpy as np

from magnet_jax.ops import resize, selection, windows
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.types import Size, Stage, WindowGrid

Arrays = dict[str, np.ndarray]


def inside(grid: WindowGrid, number: int) -> tuple[slice, slice]:
  """Rows and columns of a window in its stage; slicing drops its padding."""
  top, left = grid.corners[number]
  return (
    slice(top, top + grid.window[0]),
    slice(left, left + grid.window[1]),
  )


def pixels(
  image: np.ndarray, grid: WindowGrid, number: int, network: Size
) -> np.ndarray:
  """One window of a stage's image at the network's size: uint8 [h,w,3]."""
  piece = windows.cut(image, grid.corners[number], grid.window)
  return resize.image(piece, network)


def valid(grid: WindowGrid, number: int, network: Size) -> np.ndarray:
  """int32 [2]: a window's rows and columns, at the network's size, of data."""
  rest = np.subtract(grid.size, grid.corners[number])
  zoom = np.divide(grid.window, network)
  return np.minimum(np.ceil(rest / zoom), network).astype(np.int32)


def coarse_piece(
  coarse: np.ndarray, grid: WindowGrid, number: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Cuts what one window needs of the segmentation of the stage before.

  Args:
    coarse: float32 [H',W',C] of the stage before.
    grid: the windows of this stage.
    number: which of them.

  Returns:
    float32 [h',w',C], of one shape for all windows of the grid; float32 [2],
    the window's corner in it; float32 [2], its pixels per pixel of the stage.
  """
  starts, sizes, offsets, ratios = [], [], [], []
  for axis in (0, 1):
    have, want = coarse.shape[axis], grid.size[axis]
    ratio = have / want
    size = min(have, math.ceil(grid.window[axis] * ratio) + 2)
    corner = grid.corners[number][axis] * ratio
    start = min(max(math.floor(corner - 0.5), 0), have - size)
    starts.append(start)
    sizes.append(size)
    offsets.append(corner - start)
    ratios.append(ratio)
  piece = coarse[
    starts[0] : starts[0] + sizes[0], starts[1] : starts[1] + sizes[1]
  ]
  return piece, np.array(offsets, np.float32), np.array(ratios, np.float32)


def allot(plan: Sequence[Stage], windows: float | int) -> tuple[int, ...]:
  """How many windows each stage may refine, for MagNet-Fast.

  A share of all windows is spent on the coarse stages first: a window there
  costs what one at full size does and corrects many times the area. Measured
  on two generated scenes with a quarter of 84 windows, that kept 75 to 90 % of
  the gain over stage 0, a quarter of each stage 15 to 45 %.

  Args:
    plan: the stages; stage 0 has nothing to refine.
    windows: a float is a share of the windows of all later stages, an int a
      count in each of them, as in the paper.

  Returns:
    One number for each stage, at most its windows.
  """
  sizes = [len(stage.grid) for stage in plan[1:]]
  if isinstance(windows, int):
    return (0, *(min(windows, size) for size in sizes))
  left = selection.count_points(windows, sum(sizes))
  counts = []
  for size in sizes:
    counts.append(min(size, left))
    left -= counts[-1]
  return (0, *counts)


def most_uncertain(
  probabilities: np.ndarray, stage: Stage, count: int
) -> tuple[int, ...]:
  """Numbers of the windows with the highest mean uncertainty, ascending.

  Args:
    probabilities: float32 [H_s,W_s,C], the upsampled segmentation so far.
    stage: the stage whose windows are chosen.
    count: how many, at most.
  """
  total = len(stage.grid)
  if count >= total:
    return tuple(range(total))
  unsure = uncertainty(probabilities)
  means = [
    float(unsure[inside(stage.grid, number)].mean())
    for number in range(total)
  ]
  return tuple(sorted(np.argsort(means, kind='stable')[total - count :]))


def arrays(
  image: np.ndarray,
  coarse: np.ndarray,
  grid: WindowGrid,
  number: int,
  network: Size,
) -> Arrays:
  """The arrays of `refine_step.candidates` for one window, without B."""
  piece, offset, ratio = coarse_piece(coarse, grid, number)
  zoom = np.divide(grid.window, network).astype(np.float32)
  return {
    'images': pixels(image, grid, number, network),
    'coarse': piece,
    'offsets': offset,
    'ratios': ratio * zoom,
    'valid': valid(grid, number, network),
  }
