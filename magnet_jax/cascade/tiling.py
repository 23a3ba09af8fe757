"""Division of planes into tiles, each of which is a chunk on disk."""

import bisect
from collections.abc import Iterator
import dataclasses
import functools
import itertools
import math

from magnet_jax.types import Size, WindowGrid

# Tiles of images: low ones, as images are written in full rows.
CHUNK = (64, 512)


@dataclasses.dataclass(frozen=True)
class Tiles:
  """The division of one axis into tiles.

  Attributes:
    starts: first pixels of the tiles, ascending.
    length: pixels of the axis.
  """

  starts: tuple[int, ...]
  length: int

  @functools.cached_property
  def chunk(self) -> int:
    """Length of the longest tile; a long last one may take two chunks."""
    last = self.length - self.starts[-1]
    others = [b - a for a, b in itertools.pairwise(self.starts)]
    longest = max(others, default=last)
    return max(longest, math.ceil(last / max(1, last // longest)))

  @property
  def stored(self) -> int:
    """Length of the stored axis, gaps included."""
    last = self.starts[-1]
    return (len(self.starts) - 1) * self.chunk + self.length - last

  def parts(self, start: int, length: int) -> Iterator[tuple[slice, slice]]:
    """Splits [start, start + length) at the edges of tiles.

    Yields:
      Slices of a part in the stored array and in the range.
    """
    here, end = start, start + length
    while here < end:
      tile = bisect.bisect_right(self.starts, here) - 1
      nexts = self.starts[tile + 1 : tile + 2]
      stop = min(end, *nexts) if nexts else end
      place = tile * self.chunk + here - self.starts[tile]
      yield (
        slice(place, place + stop - here),
        slice(here - start, stop - start),
      )
      here = stop


def equal_tiles(size: Size) -> tuple[Tiles, Tiles]:
  """Returns tiles of equal size, for images."""
  rows, columns = (
    Tiles(tuple(range(0, length, chunk)), length)
    for length, chunk in zip(size, CHUNK, strict=True)
  )
  return rows, columns


def tiled(grid: WindowGrid) -> WindowGrid:
  """Returns the windows whose corners divide a stage into tiles.

  Those of the stage, or chunks of images for a stage without windows.
  """
  if len(grid):
    return grid
  rows, columns = equal_tiles(grid.size)
  return WindowGrid(grid.size, CHUNK, rows.starts, columns.starts)


def grid_tiles(grid: WindowGrid) -> tuple[Tiles, Tiles]:
  """Returns the tiles of `cascade.mosaic`."""
  grid = tiled(grid)
  return Tiles(grid.tops, grid.size[0]), Tiles(grid.lefts, grid.size[1])
