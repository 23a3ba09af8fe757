"""Refines K points per window of a stage, row by row.

Each window is final as soon as those before it are, so nothing of the stage's
size has to be in memory: the same code serves memory and disk.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from magnet_jax.cascade import batches, mosaic, refine_step, stage_windows
from magnet_jax.cascade.mosaic import Area, Mosaic
from magnet_jax.cascade.parts import Part, Tile, Work
from magnet_jax.ops import resize, selection
from magnet_jax.types import WindowGrid

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
    most=work.most,
    mix=work.mix,
    score=work.score,
  )

  def arrays_of(number: int) -> stage_windows.Arrays:
    arrays = stage_windows.arrays(
      work.image, work.coarse, grid, number, network
    )
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
  marks = resize.label(chosen.view(np.uint8), grid.window).view(bool)
  height, width = grid.size[0] - rows.start, grid.size[1] - columns.start
  return Tile(rows.start, columns.start, marks[:height, :width])
