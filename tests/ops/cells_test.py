import numpy as np
import pytest

from magnet_jax.ops import windows
from magnet_jax.ops.cells import cells

SIZES = [(16, 16), (17, 16), (15, 40), (1, 1), (1, 50), (50, 1), (33, 47)]


@pytest.mark.parametrize('step', [1, 3, 100])
@pytest.mark.parametrize('overlap', [0.0, 0.25, 0.6])
@pytest.mark.parametrize('size', SIZES)
def test_cells_are_those_of_the_pixels_that_windows_cover(size, overlap, step):
  grid = windows.make_grid(size, (16, 12), overlap)
  some = range(0, len(grid), step)
  expected = np.zeros(size, bool)
  for number in some:
    top, left = grid.corners[number]
    expected[top : top + 16, left : left + 12] = True
  found, count = np.zeros(size, bool), np.zeros(size, int)
  for place, reached in cells(grid, some):
    assert count[place].size
    count[place] += 1
    found[place] = reached
  assert (count == 1).all()
  np.testing.assert_array_equal(found, expected)


def test_every_window_covers_a_cell_as_a_whole_or_not_at_all():
  grid = windows.make_grid((40, 50), (16, 12), 0.4)
  for place, _ in cells(grid, ()):
    for top, left in grid.corners:
      mask = np.zeros(grid.size, bool)
      mask[top : top + 16, left : left + 12] = True
      assert mask[place].all() == mask[place].any()


def test_cells_come_in_row_order():
  grid = windows.make_grid((40, 40), (16, 16), 0.25)
  corners = [(rows.start, left.start) for (rows, left), _ in cells(grid, [4])]
  assert corners == sorted(corners) and len(corners) > len(grid)


def test_no_windows_reach_nothing():
  grid = windows.make_grid((20, 20), (12, 12))
  assert not any(reached for _, reached in cells(grid, ()))
