"""The loop over the windows of one stage, for memory and disk alike."""

from collections.abc import Callable, Iterator, Sequence
import dataclasses

import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import batches, mosaic, stage_windows
from magnet_jax.cascade.mosaic import Area, Mosaic, Waiting
from magnet_jax.cascade.stage_windows import Plane
from magnet_jax.ops import selection
from magnet_jax.types import Size, WindowGrid

# Where few windows are refined, a part ends after so many at the latest: the
# tiles of a part are what a run that was killed has to make again.
MOST = 256


@dataclasses.dataclass(frozen=True)
class Tile:
  """A part of a stage's segmentation, final.

  Attributes:
    top: first row.
    left: first column.
    values: float32 [h,w,C], perhaps not writeable.
  """

  top: int
  left: int
  values: np.ndarray


@dataclasses.dataclass(frozen=True)
class Part:
  """What one batch of windows finishes.

  Attributes:
    index: of the part in its stage; the same in every run.
    tiles: one for each window up to the batch's last, made as they are asked
      for.
    chosen: (number of a window, bool [h,w]): the points that were replaced, at
      the networks' size.
  """

  index: int
  tiles: Iterator[Tile]
  chosen: list[tuple[int, np.ndarray]]


def split(
  windows: range, numbers: Sequence[int], batch: int
) -> list[tuple[range, list[int]]]:
  """Parts of a stage: all their windows, and those of them to refine.

  Args:
    windows: of the stage.
    numbers: those to refine, ascending; the ones before `windows` only reach
      into these and come first, in parts of no windows.
    batch: at most so many of them in a part.

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
  """Which of the windows to refine reach into the tiles of `windows`."""
  wanted = range(mosaic.first_window(grid, windows), windows.stop)
  return [number for number in numbers if number in wanted]


def refine(
  step: parallel.Step,
  source: Plane,
  coarse: Plane,
  grid: WindowGrid,
  numbers: Sequence[int],
  *,
  network: Size,
  points: float | int,
  batch: int,
  windows: range | None = None,
  waiting: Waiting | None = None,
  first: int = 0,
) -> Iterator[Part]:
  """Refines windows of a stage, row by row.

  Args:
    step: `refine_step.refine_windows` over devices.
    source: uint8 [H_s,W_s,3], the stage's image.
    coarse: float32 [H',W',C], the segmentation after the stage before.
    grid: the stage's windows.
    numbers: the windows to refine of all the stage, ascending; in place of
      the others' stands the coarse map, upsampled.
    network: (h, w), the networks' input size.
    points: K of a window, as a count or a fraction.
    batch: B, a multiple of the devices.
    windows: those whose tiles are wanted, whole rows; all by default. Windows
      above them that reach into their tiles are refined as well.
    waiting: where what overlaps waits for its tile; in memory by default.
    first: the first part to run; the ones before are done.

  Yields:
    The parts; the tiles of each must be taken before the next is asked for.
  """
  windows = range(len(grid)) if windows is None else windows
  parts = split(windows, needed(grid, numbers, windows), batch)[first:]
  tiles = Mosaic(grid, numbers, waiting, windows)

  def arrays_of(number: int) -> stage_windows.Arrays:
    arrays = stage_windows.arrays(source, coarse, grid, number, network)
    valid = int(arrays['valid'].prod())
    count = selection.count_points(points, valid)
    return arrays | {'points': np.asarray(count, np.int32)}

  def upsampled(area: Area) -> np.ndarray:
    return stage_windows.upsampled(coarse, grid.size, area)

  results = batches.run_parts(
    step, [refined for _, refined in parts], arrays_of, batch
  )
  for index, ((here, _), part) in enumerate(
    zip(parts, results, strict=True), start=first
  ):
    pieces = {number: found.probabilities for number, found in part}
    yield Part(
      index,
      _tiles(tiles, here, pieces, upsampled),
      [(number, found.chosen) for number, found in part],
    )


def _tiles(
  tiles: Mosaic,
  windows: range,
  pieces: dict[int, np.ndarray],
  before: Callable[[Area], np.ndarray],
) -> Iterator[Tile]:
  for number in sorted(pieces.keys() - windows):
    tiles.add(number, pieces.pop(number))
  for number in windows:
    if number in pieces:
      tiles.add(number, pieces.pop(number))
    top, left, _, _ = tiles.area(number)
    yield Tile(top, left, tiles.tile(number, before))
