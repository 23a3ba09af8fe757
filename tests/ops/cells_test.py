import numpy as np
import pytest

from magnet_jax.ops import merge, windows
from magnet_jax.ops.cells import Cells

SIZES = [(16, 16), (17, 16), (15, 40), (1, 1), (1, 50), (50, 1), (33, 47)]
OVERLAPS = [0.0, 0.25, 0.6]


def _added(grid, pieces, numbers, weights=windows.axis_weights):
  cells = Cells(grid, weights)
  for number in numbers:
    cells.add(number, pieces[number])
  return cells


def _whole(grid, cells, classes=3):
  """The sum over the whole area, and how often each pixel is in a cell."""
  area = np.zeros((*grid.size, classes), np.float32)
  count = np.zeros(grid.size, int)
  for place, sums in cells:
    assert sums.dtype == np.float32 and sums.size
    area[place] = sums
    count[place] += 1
  return area, count


def _pieces(grid, classes=3):
  shape = (len(grid), *grid.window, classes)
  return np.random.default_rng(0).random(shape, np.float32)


@pytest.mark.parametrize('overlap', OVERLAPS)
@pytest.mark.parametrize('size', SIZES)
def test_all_windows_sum_to_what_they_merge_to(size, overlap):
  grid = windows.make_grid(size, (16, 12), overlap)
  pieces = _pieces(grid)
  area, count = _whole(grid, _added(grid, pieces, range(len(grid))))
  assert (count == 1).all()
  np.testing.assert_allclose(area, merge.merge(pieces, grid), atol=1e-6)


@pytest.mark.parametrize('overlap', OVERLAPS)
@pytest.mark.parametrize('size', SIZES)
def test_some_windows_reach_into_their_cells_alone(size, overlap):
  grid = windows.make_grid(size, (16, 12), overlap)
  pieces, some = _pieces(grid), range(0, len(grid), 3)
  area, count = _whole(grid, _added(grid, pieces, some))
  covered = np.zeros(size, bool)
  expected = np.zeros_like(area)
  for number in some:
    top, left = grid.corners[number]
    covered[top : top + 16, left : left + 12] = True
  merge.add_windows(expected, grid, [(n, pieces[n]) for n in some])
  np.testing.assert_array_equal(count, covered)
  np.testing.assert_allclose(area, expected, atol=1e-6)


def test_no_windows_are_no_cells():
  grid = windows.make_grid((20, 20), (12, 12))
  assert not list(Cells(grid))


def test_cells_come_in_row_order_whatever_the_order_of_the_windows():
  grid = windows.make_grid((40, 40), (16, 16), 0.25)
  cells = _added(grid, _pieces(grid), [8, 0, 4])
  corners = [(rows.start, columns.start) for (rows, columns), _ in cells]
  assert corners == sorted(corners) and len(corners) > 3


def test_windows_apart_are_not_copied_and_parts_hold_no_window():
  apart = windows.make_grid((32, 24), (16, 12), 0.0)
  pieces = _pieces(apart)
  ((_, sums),) = _added(apart, pieces, [1])
  assert np.shares_memory(sums, pieces[1])
  overlapping = windows.make_grid((32, 24), (16, 16), 0.5)
  pieces = _pieces(overlapping)
  for _, sums in _added(overlapping, pieces, range(len(overlapping))):
    assert not np.shares_memory(sums, pieces)


def test_what_is_given_stays_as_it_is():
  grid = windows.make_grid((20, 20), (12, 12), 0.25)
  pieces = _pieces(grid)
  kept = pieces.copy()
  pieces.flags.writeable = False  # as arrays of JAX are
  _whole(grid, _added(grid, pieces, range(len(grid))))
  np.testing.assert_array_equal(pieces, kept)
