"""The stage after the last windows: the fast guided filter, box by box.

A window tells what is where, but places an outline only as well as the grid of
the networks allows; the filter moves it to the edge that the image has there.
Each box is filtered with as much around it as the filter sees, so the result is
that of the whole image, however large it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent import futures

import cv2
import numpy as np

from magnet_jax.cascade import stage_windows, tiling
from magnet_jax.cascade.parts import Part, Share, Tile
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.filters.fast_guided import Box, FastGuided
from magnet_jax.filters.guided import EPS
from magnet_jax.types import Plane, Stage, WindowGrid

_ROWS = 4  # rows of tiles in a part
_COLUMNS = 1024  # of a box


def of(stages: Sequence[Stage]) -> tuple[Stage, ...]:
  """Returns a plan with the filter as its last stage.

  A stage without windows, which only enlarges, becomes that stage.
  """
  *before, last = stages
  if len(last.grid):
    before.append(last)
  grid = WindowGrid(last.size, last.grid.window, (), ())
  return (*before, Stage(len(before), grid, filtered=True))


def in_memory(
  image: np.ndarray, probabilities: np.ndarray, radius: int
) -> np.ndarray:
  """Filters a map as the stage does: float32 [H,W,C].

  Args:
    image: uint8 [H,W,3].
    probabilities: float32 [H,W,C].
    radius: as for `refine`.
  """
  size = image.shape[0], image.shape[1]
  stage = Stage(0, WindowGrid(size, size, (), ()), filtered=True)
  result = InMemory(np.empty_like(probabilities))
  share = Share(range(len(tiling.tiled(stage.grid))))
  planes = InMemory(image), InMemory(probabilities)
  for part in refine(stage, *planes, share, radius=radius):
    for tile in part.tiles:
      result.write(tile.top, tile.left, tile.values)
  return result.values


def refine(
  stage: Stage, image: Plane, coarse: Plane, share: Share, *, radius: int
) -> Iterator[Part]:
  """Filters the map of the stage before, enlarged if it is smaller.

  Args:
    stage: without windows.
    image: uint8 [H,W,3].
    coarse: float32 [H',W',C].
    share: the part of the work to do.
    radius: of the filter's boxes in pixels, at least 1.

  Yields:
    Parts of whole rows of tiles, as `by_window.refine`.
  """
  grid, size = tiling.tiled(stage.grid), stage.size
  # Cells of half a radius: their models are as smooth as the boxes are large.
  local = FastGuided(radius, EPS, max(1, radius // 2))
  row = len(grid.lefts)
  here = share.windows
  starts = range(here.start, here.stop, _ROWS * row)
  with futures.ThreadPoolExecutor(max(1, cv2.getNumThreads())) as threads:
    for index in range(share.first, len(starts)):
      stop = min(starts[index] + _ROWS * row, here.stop)
      top = grid.tops[starts[index] // row]
      bottom = min(grid.tops[stop // row - 1] + grid.window[0], size[0])
      boxes = [
        (slice(top, bottom), slice(left, min(left + _COLUMNS, size[1])))
        for left in range(0, size[1], _COLUMNS)
      ]
      yield Part(
        index,
        windows=0,
        tiles=_tiles(local, image, coarse, boxes, threads),
        finished=range(starts[index], stop),
      )


def _tiles(
  local: FastGuided,
  image: Plane,
  coarse: Plane,
  boxes: Sequence[Box],
  threads: futures.ThreadPoolExecutor,
) -> Iterator[Tile]:
  """Filters boxes, one per thread at a time."""
  size = image.size

  def started(box: Box) -> futures.Future[np.ndarray]:
    # Read here, as not all files can be read by several threads.
    rows, columns = local.reach(box, size)
    area = (
      rows.start,
      columns.start,
      rows.stop - rows.start,
      columns.stop - columns.start,
    )
    maps = (
      coarse.read(*area)
      if coarse.size == size
      else stage_windows.upsampled(coarse, size, area)
    )
    return threads.submit(local, image.read(*area), maps, box, size)

  count = max(1, cv2.getNumThreads())
  for first in range(0, len(boxes), count):
    group = boxes[first : first + count]
    for box, found in zip(group, [*map(started, group)], strict=True):
      yield Tile(box[0].start, box[1].start, found.result())
