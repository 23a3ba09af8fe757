"""How many stages the segmentation so far holds at each pixel of a window.

A window that was left out of a stage has seen one stage less than its
neighbours. Nothing of the image's size is stored for that: the count follows
from the windows that each stage has computed and the weights that blend them.
"""

from collections.abc import Sequence
import dataclasses

import numpy as np

from magnet_jax.ops import windows
from magnet_jax.types import Size, WindowGrid


@dataclasses.dataclass(frozen=True)
class Layer:
  """A stage that the segmentation holds.

  Attributes:
    size: (height, width) of the stage.
    window: (height, width) of its windows.
    starts: first rows, then first columns of its windows.
    weights: blending weights of the rows [Nt,h], then columns [Nl,w].
    seen: bool [Nt,Nl], the windows that were computed.
    weight: of the stage in the mean, or one per class.
  """

  size: Size
  window: Size
  starts: tuple[np.ndarray, np.ndarray]
  weights: tuple[np.ndarray, np.ndarray]
  seen: np.ndarray
  weight: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Past:
  """The stages that the segmentation so far holds, coarse to fine.

  Attributes:
    layers: one per stage with windows.
    weight: of the stage that comes next, or one per class.
  """

  layers: tuple[Layer, ...]
  weight: tuple[float, ...] = (1.0,)


ONE_STAGE = Past(())


def layer(
  grid: WindowGrid,
  numbers: Sequence[int],
  weight: tuple[float, ...] = (1.0,),
  weights: windows.Weights = windows.axis_weights,
) -> Layer:
  """Returns what a finished stage adds.

  Args:
    grid: its windows.
    numbers: of the windows that were computed.
    weight: of the stage in the mean, or one per class.
    weights: of the windows along an axis, by which they were blended.
  """
  seen = np.zeros(len(grid), bool)
  seen[np.asarray(numbers, int)] = True
  return Layer(
    grid.size,
    grid.window,
    (np.asarray(grid.tops), np.asarray(grid.lefts)),
    windows.grid_weights(grid, weights),
    seen.reshape(len(grid.tops), len(grid.lefts)),
    weight,
  )


def of_window(
  past: Past, grid: WindowGrid, number: int, network: Size
) -> np.ndarray:
  """Computes the depth of a window's pixels: float32 [h,w,1] or [h,w,C].

  The sum of the weights of the stages that the segmentation holds there, each
  times the share of the windows that were computed, in units of the weight of
  the window's own stage.

  Args:
    past: the stages before; without any, the segmentation counts as one.
    grid: the windows of this stage.
    number: of the window.
    network: (h, w), the networks' input size.
  """
  row, column = divmod(number, len(grid.lefts))
  corner = grid.tops[row], grid.lefts[column]
  shape = (*network, len(past.weight))
  depth = np.full(shape, 0.0 if past.layers else 1.0, np.float32)
  for each in past.layers:
    rows, columns = (
      _reaching(each, axis, corner[axis], grid, network[axis])
      for axis in (0, 1)
    )
    seen = each.seen[rows[0], columns[0]]
    if seen.all():  # exactly one stage, whatever the weights round to
      depth += np.asarray(each.weight, np.float32)
    elif seen.any():
      share = rows[1].T @ seen.astype(np.float32) @ columns[1]
      depth += share[..., None] * np.asarray(each.weight, np.float32)
  # A stage of weight 0 changes nothing; finite, as the depth may be resized.
  return depth / np.maximum(np.asarray(past.weight, np.float32), 1e-30)


def _reaching(
  layer: Layer, axis: int, corner: int, grid: WindowGrid, count: int
) -> tuple[slice, np.ndarray]:
  """The layer's rows, or columns, of windows that reach into a window.

  Args:
    layer: an earlier stage.
    axis: 0 or 1.
    corner: of the window on this axis.
    grid: the window's.
    count: samples along the window.

  Returns:
    Which they are, n; float32 [n,count], their weights, interpolated as the
    map itself.
  """
  length, starts = layer.size[axis], layer.starts[axis]
  centres = corner + (np.arange(count) + 0.5) * (grid.window[axis] / count)
  places = centres * (length / grid.size[axis]) - 0.5
  places = places.clip(0, length - 1)
  low = np.floor(places).astype(int)
  high = np.minimum(low + 1, length - 1)
  part = (places - low).astype(np.float32)
  first = np.searchsorted(starts, low[0] - layer.window[axis], side='right')
  last = np.searchsorted(starts, high[-1], side='right')
  near = slice(int(first), int(last))

  def at(pixels: np.ndarray) -> np.ndarray:
    inside = pixels - starts[near, None]
    there = (inside >= 0) & (inside < layer.window[axis])
    rows = np.arange(first, last)[:, None]
    found = layer.weights[axis][rows, inside.clip(0, layer.window[axis] - 1)]
    return np.where(there, found, np.float32(0))

  return near, at(low) * (1 - part) + at(high) * part
