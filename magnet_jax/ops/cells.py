"""The parts of an area that windows reach: what none covers takes no memory.

The edges of a grid's windows divide its area into cells, each of which a window
covers as a whole or not at all.
"""

from collections.abc import Iterator
import dataclasses
import itertools

import numpy as np

from magnet_jax.ops import windows
from magnet_jax.types import WindowGrid

Place = tuple[slice, slice]  # rows, columns


class Cells:
  """The sum of weighted windows, cell by cell.

  Args:
    grid: the windows.
    weights: of the windows along an axis; they sum to 1 at every pixel.
  """

  def __init__(
    self, grid: WindowGrid, weights: windows.Weights = windows.axis_weights
  ):
    self._rows = _Axis.of(grid.tops, grid.window[0], grid.size[0])
    self._columns = _Axis.of(grid.lefts, grid.window[1], grid.size[1])
    self._weights = windows.grid_weights(grid, weights)
    self._sums: dict[tuple[int, int], np.ndarray] = {}

  def add(self, number: int, piece: np.ndarray) -> None:
    """Adds a window.

    Args:
      number: of the window; each is added once.
      piece: float32 [h,w,C]; its padding is dropped. It must not be changed
        later, as a cell that it covers alone may refer to it.
    """
    i, j = divmod(number, len(self._columns.starts))
    for row, rows in self._rows.covered(i):
      for column, columns in self._columns.covered(j):
        part = piece[rows, columns]
        weight = self._weights[0][i, rows, None] * self._weights[1][j, columns]
        before = self._sums.get((row, column))
        if before is not None:
          before += weight[..., None] * part
        elif weight.min() < 1:
          self._sums[row, column] = weight[..., None] * part
        elif part.shape == piece.shape:
          self._sums[row, column] = part
        else:  # a view would keep the whole piece in memory
          self._sums[row, column] = part.copy()

  def __iter__(self) -> Iterator[tuple[Place, np.ndarray]]:
    """Iterates over the cells that were reached, in row order.

    Yields:
      The cell's place in the area; float32 [h,w,C], the sum, maybe read-only.
    """
    for row, column in sorted(self._sums):
      place = self._rows.cell(row), self._columns.cell(column)
      yield place, self._sums[row, column]


@dataclasses.dataclass(frozen=True)
class _Axis:
  """Windows and cells along one axis."""

  starts: tuple[int, ...]  # of the windows
  window: int
  edges: tuple[int, ...]  # of the cells, ascending

  @classmethod
  def of(cls, starts: tuple[int, ...], window: int, length: int) -> '_Axis':
    ends = (min(start + window, length) for start in starts)
    return cls(starts, window, tuple(sorted({*starts, *ends})))

  def cell(self, number: int) -> slice:
    return slice(self.edges[number], self.edges[number + 1])

  def covered(self, window: int) -> Iterator[tuple[int, slice]]:
    """The cells that a window covers, from the window's start."""
    start = self.starts[window]
    for number, (low, high) in enumerate(itertools.pairwise(self.edges)):
      if start <= low and high <= start + self.window:
        yield number, slice(low - start, high - start)
