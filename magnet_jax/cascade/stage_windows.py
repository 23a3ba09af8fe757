"""Inputs of one window of a stage, cut and aligned on the host."""

import math

import numpy as np

from magnet_jax.cascade.mosaic import Area
from magnet_jax.ops import interpolation, resize, windows
from magnet_jax.types import Plane, Size, WindowGrid

Arrays = dict[str, np.ndarray]
_SHARES = 4  # of a window; the sides that a piece may have


def inside(grid: WindowGrid, number: int) -> tuple[slice, slice]:
  """Returns a window's rows and columns; slicing drops its padding."""
  top, left = _corner(grid, number)
  return (
    slice(top, top + grid.window[0]),
    slice(left, left + grid.window[1]),
  )


def pixels(
  image: Plane, grid: WindowGrid, number: int, network: Size
) -> np.ndarray:
  """Reads a window of a stage's image at the network's size: uint8 [h,w,3]."""
  top, left = _corner(grid, number)
  height = min(grid.window[0], grid.size[0] - top)
  width = min(grid.window[1], grid.size[1] - left)
  # Only pixels of the image are read; `cut` pads them to a whole window.
  piece = image.read(top, left, height, width)
  return resize.image(windows.cut(piece, (0, 0), grid.window), network)


def valid(grid: WindowGrid, number: int, network: Size) -> np.ndarray:
  """Returns a window's valid rows and columns at network size: int32 [2]."""
  rest = np.subtract(grid.size, _corner(grid, number))
  zoom = np.divide(grid.window, network)
  # Rounded up: a pixel that is partly padding still shows some of the image.
  return np.minimum(np.ceil(rest / zoom), network).astype(np.int32)


def coarse_piece(
  coarse: Plane, grid: WindowGrid, number: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Cuts the part of the stage before's segmentation that a window needs.

  Args:
    coarse: float32 [H',W',C] of the stage before.
    grid: the windows of this stage.
    number: of the window.

  Returns:
    float32 [h',w',C], of one of few shapes for all grids of such windows, the
    map's edge repeated where it has less; float32 [2], the window's corner in
    it; float32 [2], its pixels per pixel of the stage.
  """
  corner = _corner(grid, number)
  starts, sizes, offsets, ratios, padding = [], [], [], [], []
  for axis in (0, 1):
    have, want = coarse.size[axis], grid.size[axis]
    ratio = have / want
    side = _side(grid.window[axis], ratio)
    size = min(have, side)
    place = corner[axis] * ratio
    # Pixel centres lie at half pixels: hence 0.5.
    start = min(max(math.floor(place - 0.5), 0), have - size)
    starts.append(start)
    sizes.append(size)
    offsets.append(place - start)
    ratios.append(ratio)
    padding.append((0, side - size))
  piece = coarse.read(*starts, *sizes)
  if any(after for _, after in padding):
    piece = np.pad(piece, [*padding, (0, 0)], mode='edge')
  return piece, np.array(offsets, np.float32), np.array(ratios, np.float32)


def _side(window: int, ratio: float) -> int:
  """Returns the side of the pieces for windows of a side.

  A piece that was just large enough would have another shape for nearly every
  size of an image, and the step would compile for each of them.

  Args:
    window: pixels of the windows.
    ratio: pixels of the stage before per pixel of the stage.
  """
  # Two pixels more than the window: one on each side for interpolation.
  needed = math.ceil(window * ratio) + 2
  # One more still, as rounded sizes grow by a little less than two.
  share = max(1, math.ceil((needed - 3) * _SHARES / window))
  return math.ceil(window * share / _SHARES) + 3


def seen(size: Size, grid: WindowGrid, number: int) -> Area:
  """Returns the area of a window in a map of another size, rounded outwards.

  Args:
    size: (height, width) of the map.
    grid: the windows of a stage.
    number: of the window.

  Returns:
    (top, left, height, width), without the window's padding.
  """
  starts, sides = [], []
  for axis, corner in enumerate(_corner(grid, number)):
    have, want = size[axis], grid.size[axis]
    end = min(corner + grid.window[axis], want)
    starts.append(corner * have // want)
    sides.append(-(-end * have // want) - starts[-1])
  return starts[0], starts[1], sides[0], sides[1]


def upsampled(coarse: Plane, size: Size, area: Area) -> np.ndarray:
  """Computes part of the stage before's segmentation at this stage's size.

  Args:
    coarse: float32 [H',W',C] of the stage before.
    size: (height, width) of this stage.
    area: (top, left, height, width) in this stage.

  Returns:
    float32 [h,w,C].
  """
  top, left, height, width = area
  rows, upper, shares = interpolation.samples(
    coarse.size[0], size[0], top, top + height
  )
  columns, right, parts = interpolation.samples(
    coarse.size[1], size[1], left, left + width
  )
  piece = coarse.read(
    rows[0], columns[0], upper[-1] - rows[0] + 1, right[-1] - columns[0] + 1
  )
  # Columns first, while there are few rows: those are whole, and quickly taken.
  low, high = columns - columns[0], right - columns[0]
  piece = interpolation.interpolate(piece, 1, low, high, parts)
  return interpolation.interpolate(
    piece, 0, rows - rows[0], upper - rows[0], shares
  )


def arrays(
  image: Plane, coarse: Plane, grid: WindowGrid, number: int, network: Size
) -> Arrays:
  """Returns the arrays of `refine_step.candidates` for a window, without B."""
  piece, offset, ratio = coarse_piece(coarse, grid, number)
  zoom = np.divide(grid.window, network).astype(np.float32)
  return {
    'images': pixels(image, grid, number, network),
    'coarse': piece,
    'offsets': offset,
    'ratios': ratio * zoom,
    'valid': valid(grid, number, network),
  }


def _corner(grid: WindowGrid, number: int) -> tuple[int, int]:
  # Not `grid.corners`, which would list all of perhaps a million windows.
  row, column = divmod(number, len(grid.lefts))
  return grid.tops[row], grid.lefts[column]
