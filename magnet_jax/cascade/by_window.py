"""Segments and refines the windows of a stage, row by row.

Each window is final as soon as those before it are, so nothing of the stage's
size has to be in memory: the same code serves memory and disk.
"""

from collections.abc import Callable, Iterator, Sequence
import math

import numpy as np

from magnet_jax.cascade import (
  batches,
  depth,
  mosaic,
  refine_step,
  stage_windows,
  tiling,
)
from magnet_jax.cascade.mosaic import Area, Mosaic
from magnet_jax.cascade.parts import Part, Share, Start, Tile, Work
from magnet_jax.ops import resize, selection
from magnet_jax.types import Plane, Stage, WindowGrid

# Upper bound of windows per part. Where few windows are refined, a batch could
# span the whole stage, and a killed run repeats the part that it was in.
MOST = 256


def split(
  windows: range, numbers: Sequence[int], batch: int
) -> list[tuple[range, list[int]]]:
  """Splits a stage into parts: windows, and those of them to refine.

  Args:
    windows: of the stage.
    numbers: those to refine, ascending; the ones before `windows` only overlap
      these, and come first in parts without windows.
    batch: largest number of windows to refine per part.

  Returns:
    (windows that are final after the part, windows to refine in it) per part.

  >>> split(range(0, 6), [1, 2, 4], 2)
  [(range(0, 3), [1, 2]), (range(3, 6), [4])]
  >>> split(range(3, 6), [1, 2, 4], 2)
  [(range(3, 3), [1, 2]), (range(3, 6), [4])]
  """
  chosen = frozenset(numbers)
  start = windows.start
  early = [number for number in numbers if number < start]
  parts = [
    (range(start, start), early[first : first + batch])
    for first in range(0, len(early), batch)
  ]
  here: list[int] = []
  for number in windows:
    if number in chosen:
      here.append(number)
    full = len(here) == batch or number + 1 - start == MOST
    if full or number + 1 == windows.stop:
      parts.append((range(start, number + 1), here))
      start, here = number + 1, []
  return parts


def needed(
  grid: WindowGrid, numbers: Sequence[int], windows: range
) -> list[int]:
  """Returns the windows to refine that reach into the tiles of `windows`."""
  wanted = range(mosaic.first_window(grid, windows), windows.stop)
  return [number for number in numbers if number in wanted]


def segment(start: Start) -> Iterator[Part]:
  """Segments the windows of stage 0 and blends them.

  Windows of other rows that reach into the share's tiles are computed as well.

  Yields:
    Parts, as `refine`.
  """
  grid, share = start.stage.grid, start.share

  def piece(found: np.ndarray) -> np.ndarray:
    return resize.probabilities(found, grid.window)

  def before(area: Area) -> np.ndarray:
    raise AssertionError(f'{area}: every window of stage 0 is computed')

  parts = split(
    share.windows, needed(grid, range(len(grid)), share.windows), start.batch
  )[share.first :]
  results = batches.run_parts(
    start.step,
    [here for _, here in parts],
    lambda n: {
      'images': stage_windows.pixels(start.image, grid, n, start.network)
    },
    start.batch,
  )
  tiles = Mosaic(
    grid, range(len(grid)), share.waiting, share.windows, start.weights
  )
  for index, ((here, _), part) in enumerate(
    zip(parts, results, strict=True), start=share.first
  ):
    pieces = {number: piece(found) for number, found in part}
    yield Part(
      index,
      windows=len(part),
      tiles=_tiles(tiles, here, pieces, before),
      finished=here,
    )


def enlarge(stage: Stage, coarse: Plane, share: Share) -> Iterator[Part]:
  """Enlarges the map before to a stage without windows, tile by tile.

  Yields:
    Parts, as `refine`.
  """
  grid = tiling.tiled(stage.grid)

  def tile(number: int) -> Tile:
    rows, columns = stage_windows.inside(grid, number)
    height = min(rows.stop, grid.size[0]) - rows.start
    width = min(columns.stop, grid.size[1]) - columns.start
    area = (rows.start, columns.start, height, width)
    return Tile(*area[:2], stage_windows.upsampled(coarse, grid.size, area))

  parts = split(share.windows, [], 1)
  for index, (here, _) in enumerate(parts[share.first :], start=share.first):
    yield Part(index, windows=0, tiles=map(tile, here), finished=here)


def refine(work: Work) -> Iterator[Part]:
  """Refines windows of a stage, row by row.

  Earlier windows that reach into the share's tiles are refined as well.

  Yields:
    Parts, each with a tile for every window up to the last of its batch; the
    tiles of a part must be consumed before the next part is requested.
  """
  grid, share, network = work.stage.grid, work.share, work.network
  wanted = needed(grid, work.numbers, share.windows)
  parts = split(share.windows, wanted, work.batch)[share.first :]
  tiles = Mosaic(grid, work.numbers, share.waiting, share.windows, work.weights)
  step = work.step(
    refine_step.refine_windows,
    window=grid.window,
    kernel=work.options.kernel,
    # K is an argument of the step; only its upper bound is compiled into it.
    most=selection.count_points(work.options.points, math.prod(network)),
    mix=work.mix,
    score=work.score,
  )

  def arrays_of(number: int) -> stage_windows.Arrays:
    arrays = stage_windows.arrays(
      work.image, work.coarse, grid, number, network
    )
    if 'depth' in work.refiner.needs:
      arrays['depth'] = depth.of_window(work.past, grid, number, network)
    # K counts over pixels of the image: border windows are partly padding.
    valid = int(arrays['valid'].prod())
    count = selection.count_points(work.options.points, valid)
    return arrays | {'points': np.asarray(count, np.int32)}

  def upsampled(area: Area) -> np.ndarray:
    return stage_windows.upsampled(work.coarse, grid.size, area)

  results = batches.run_parts(
    step, [refined for _, refined in parts], arrays_of, work.batch
  )
  for index, ((here, _), part) in enumerate(
    zip(parts, results, strict=True), start=share.first
  ):
    pieces = {number: found.probabilities for number, found in part}
    yield Part(
      index,
      windows=len(part),
      tiles=_tiles(tiles, here, pieces, upsampled),
      marks=(_marks(grid, number, found.chosen) for number, found in part),
      finished=here,
    )


def _tiles(
  tiles: Mosaic,
  windows: range,
  pieces: dict[int, np.ndarray],
  before: Callable[[Area], np.ndarray],
) -> Iterator[Tile]:
  # Windows of other processes that overlap the first tiles of this share.
  for number in sorted(pieces.keys() - windows):
    tiles.add(number, pieces.pop(number))
  for number in windows:
    if number in pieces:
      tiles.add(number, pieces.pop(number))
    top, left, _, _ = tiles.area(number)
    yield Tile(top, left, tiles.tile(number, before))


def _marks(grid: WindowGrid, number: int, chosen: np.ndarray) -> Tile:
  """The points of a window, bool [h,w], at its size in the stage."""
  rows, columns = stage_windows.inside(grid, number)
  if chosen.size == 1:  # all points or none
    marks = np.broadcast_to(chosen, grid.window)
  else:
    marks = resize.label(chosen.view(np.uint8), grid.window).view(bool)
  height, width = grid.size[0] - rows.start, grid.size[1] - columns.start
  return Tile(rows.start, columns.start, marks[:height, :width])
