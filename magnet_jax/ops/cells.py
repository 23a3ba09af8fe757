"""The parts of an area that windows reach, and the rest of it.

The edges of a grid's windows divide its area into cells, each of which a window
covers as a whole or not at all.
"""

from collections.abc import Collection, Iterator
import itertools

from magnet_jax.types import WindowGrid

Place = tuple[slice, slice]  # rows, columns


def cells(
  grid: WindowGrid, numbers: Collection[int]
) -> Iterator[tuple[Place, bool]]:
  """Divides the area of a grid.

  Args:
    grid: the windows.
    numbers: of some of them.

  Yields:
    A cell's place, and whether one of these windows covers it; all cells, in
    row order.

  >>> grid = WindowGrid((2, 8), window=(2, 4), tops=(0,), lefts=(0, 3, 4))
  >>> [(columns.stop, seen) for (_, columns), seen in cells(grid, [0, 1])]
  [(3, True), (4, True), (7, True), (8, False)]
  """
  some, columns = frozenset(numbers), len(grid.lefts)
  down = _axis(grid.tops, grid.window[0], grid.size[0])
  across = _axis(grid.lefts, grid.window[1], grid.size[1])
  for (rows, i), (place, j) in itertools.product(down, across):
    covering = (row * columns + column for row in i for column in j)
    yield (rows, place), not some.isdisjoint(covering)


def _axis(
  starts: tuple[int, ...], window: int, length: int
) -> list[tuple[slice, list[int]]]:
  """The cells along one axis, each with the windows that cover it."""
  ends = [min(start + window, length) for start in starts]
  return [
    (
      slice(low, high),
      [n for n, s in enumerate(starts) if s <= low and high <= ends[n]],
    )
    for low, high in itertools.pairwise(sorted({*starts, *ends}))
  ]
