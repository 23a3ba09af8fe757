"""Joins windows in row order into tiles, each of which is final at once.

The first rows and columns of the windows divide an area into tiles: tile (i, j)
extends from the corner of window (i, j) to those of the next ones, the last
tile to the edge. Only (i, j) itself and windows before it in row order reach
into it: once that window is there, the tile is final and can leave memory.
The parts of a window that overlap later tiles wait for these.
"""

from collections.abc import Callable, Collection
import dataclasses
import functools
from typing import Protocol

import numpy as np

from magnet_jax.ops import windows
from magnet_jax.types import WindowGrid

Area = tuple[int, int, int, int]  # top, left, height, width


class Waiting(Protocol):
  """Storage for parts of windows until their tiles are due."""

  def put(self, tile: int, window: int, values: np.ndarray) -> None:
    """Stores float32 [h,w,C]; storing the same values twice is harmless."""

  def take(self, tile: int, window: int) -> np.ndarray:
    """Returns a part; each is taken once."""


@dataclasses.dataclass
class WaitingInMemory:
  """Parts that wait in memory."""

  parts: dict[tuple[int, int], np.ndarray] = dataclasses.field(
    default_factory=dict
  )

  def put(self, tile: int, window: int, values: np.ndarray) -> None:
    """Stores a copy, so that the rest of the window can be freed."""
    self.parts[tile, window] = values.copy()

  def take(self, tile: int, window: int) -> np.ndarray:
    """Returns a part and forgets it."""
    return self.parts.pop((tile, window))


@dataclasses.dataclass(frozen=True)
class _Axis:
  """Windows and tiles along one axis."""

  starts: tuple[int, ...]
  ends: tuple[int, ...]  # of the tiles
  window: int

  @classmethod
  def of(cls, starts: tuple[int, ...], window: int, length: int) -> '_Axis':
    return cls(starts, (*starts[1:], length), window)

  def length(self, tile: int) -> int:
    return self.ends[tile] - self.starts[tile]

  @functools.cached_property
  def reached(self) -> list[list[int]]:
    """The tiles that each window reaches into."""
    return [
      [t for t in range(w, len(self.starts)) if self.shared(w, t).stop > 0]
      for w in range(len(self.starts))
    ]

  @functools.cached_property
  def reaching(self) -> list[list[int]]:
    """The windows that reach into each tile."""
    count = range(len(self.starts))
    return [[w for w in count if t in self.reached[w]] for t in count]

  def shared(self, window: int, tile: int) -> slice:
    """The part of a tile that a window covers, from the tile's start."""
    end = min(self.ends[tile], self.starts[window] + self.window)
    return slice(0, max(0, end - self.starts[tile]))

  def inside(self, window: int, tile: int) -> slice:
    """The same part, from the window's start."""
    offset = self.starts[tile] - self.starts[window]
    return slice(offset, offset + self.shared(window, tile).stop)


def first_window(grid: WindowGrid, tiles: range) -> int:
  """Returns the first window of the first row that reaches into some tiles.

  Args:
    grid: the windows.
    tiles: numbers of tiles, in whole rows.
  """
  if not tiles:
    return tiles.start
  columns = len(grid.lefts)
  rows = _Axis.of(grid.tops, grid.window[0], grid.size[0])
  return rows.reaching[tiles.start // columns][0] * columns


class Mosaic:
  """Joins the windows of a grid, tile by tile.

  Args:
    grid: the windows.
    seen: numbers of the windows that will be added; the others are filled with
      the map of the stage before.
    waiting: storage for parts until their tiles are due; memory by default.
    tiles: those that will be requested, in whole rows; all by default. Nothing
      is kept for other tiles, and only windows from `first_window` on that
      reach into these need to be added.
    weights: of the windows along an axis; they sum to 1 at every pixel.
  """

  def __init__(
    self,
    grid: WindowGrid,
    seen: Collection[int],
    waiting: Waiting | None = None,
    tiles: range | None = None,
    weights: windows.Weights = windows.axis_weights,
  ):
    self._rows = _Axis.of(grid.tops, grid.window[0], grid.size[0])
    self._columns = _Axis.of(grid.lefts, grid.window[1], grid.size[1])
    self._weights = windows.grid_weights(grid, weights)
    self._seen = frozenset(seen)
    self._waiting = WaitingInMemory() if waiting is None else waiting
    self._tiles = range(len(grid)) if tiles is None else tiles
    self._own: np.ndarray | None = None

  def area(self, number: int) -> Area:
    """Returns the rectangle of a tile."""
    i, j = self._place(number)
    rows, columns = self._rows, self._columns
    return (
      rows.starts[i],
      columns.starts[j],
      rows.length(i),
      columns.length(j),
    )

  def add(self, number: int, piece: np.ndarray) -> None:
    """Adds the next window, float32 [h,w,C].

    If the window's own tile was asked for, `tile` must be called next.
    """
    i, j = self._place(number)
    weighted = self._weigh(piece, i, j)
    for row in self._rows.reached[i]:
      for column in self._columns.reached[j]:
        part = weighted[
          self._rows.inside(i, row), self._columns.inside(j, column)
        ]
        tile = self._number(row, column)
        if tile not in self._tiles:
          continue
        if tile == number:
          # Used by the very next call: no copy, and no file on disk.
          self._own = part
        else:
          self._waiting.put(tile, number, part)

  def tile(
    self, number: int, before: Callable[[Area], np.ndarray]
  ) -> np.ndarray:
    """Returns the final values of a tile: float32 [h,w,C], maybe read-only.

    Args:
      number: of the tile's window; tiles are requested in order.
      before: returns the values of an area where windows are left out.
    """
    total, self._own = self._own, None
    i, j = self._place(number)
    left_out = []
    for row in self._rows.reaching[i]:
      for column in self._columns.reaching[j]:
        window = self._number(row, column)
        if window not in self._seen:
          left_out.append((row, column))
        elif window != number:
          part = self._waiting.take(number, window)
          total = self._sum(total, part, number)
    if left_out:
      total = self._fill(total, before(self.area(number)), left_out, (i, j))
    assert total is not None
    return total

  def _fill(
    self,
    total: np.ndarray | None,
    before: np.ndarray,
    left_out: list[tuple[int, int]],
    tile: tuple[int, int],
  ) -> np.ndarray:
    """Adds the map before at the weights of the windows that are left out."""
    if total is None:
      return before
    share = np.zeros(before.shape[:2], np.float32)
    for i, j in left_out:
      rows = self._weights[0][i, self._rows.inside(i, tile[0])]
      columns = self._weights[1][j, self._columns.inside(j, tile[1])]
      share[: len(rows), : len(columns)] += rows[:, None] * columns
    return total + share[..., None] * before

  def _sum(
    self, total: np.ndarray | None, part: np.ndarray, number: int
  ) -> np.ndarray:
    height, width = self.area(number)[2:]
    if total is None:
      total = np.zeros((height, width, part.shape[-1]), np.float32)
    elif not total.flags.owndata:  # a view of a window, maybe read-only
      total = total.copy()
    total[: part.shape[0], : part.shape[1]] += part
    return total

  def _weigh(self, piece: np.ndarray, i: int, j: int) -> np.ndarray:
    """A window times its weights; itself where no neighbour overlaps."""
    height = self._rows.inside(i, self._rows.reached[i][-1]).stop
    width = self._columns.inside(j, self._columns.reached[j][-1]).stop
    piece = piece[:height, :width]
    rows = self._weights[0][i, :height]
    columns = self._weights[1][j, :width]
    if rows.min() < 1:
      piece = piece * rows[:, None, None]
    if columns.min() < 1:
      # As rows of floats: broadcasting over an axis of few classes is slow.
      spread = np.repeat(columns, piece.shape[-1])
      flat = piece.reshape(height, -1) * spread
      piece = flat.reshape(height, width, -1)
    return piece

  def _place(self, number: int) -> tuple[int, int]:
    return divmod(number, len(self._columns.starts))

  def _number(self, row: int, column: int) -> int:
    return row * len(self._columns.starts) + column
