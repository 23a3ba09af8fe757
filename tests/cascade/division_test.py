"""Rows of windows are divided among processes."""

import numpy as np
import pytest

from magnet_jax import parallel
from magnet_jax.cascade import by_window, division
from magnet_jax.cascade.division import Division, OthersError
from magnet_jax.ops import windows
from magnet_jax.types import InputError

GRID = windows.make_grid((100, 50), (10, 12), 0.3)


def _all(count, numbers, grid=GRID):
  members = [Division(index, count) for index in range(count)]
  return [member.windows(grid, numbers) for member in members]


@pytest.mark.parametrize('count', [1, 2, 3, 7, 40])
@pytest.mark.parametrize('step', [1, 5, 1000])
def test_every_window_is_of_one_process(count, step):
  parts = _all(count, range(0, len(GRID), step))
  assert [n for part in parts for n in part] == list(range(len(GRID)))
  columns = len(GRID.lefts)
  assert all(part.start % columns == 0 for part in parts)


def test_windows_to_refine_are_shared_evenly():
  columns = len(GRID.lefts)
  numbers = range(len(GRID) // 2, len(GRID))  # all in the lower half
  counts = [
    sum(number in part for number in numbers) for part in _all(3, numbers)
  ]
  assert max(counts) - min(counts) <= columns


def test_one_row_is_one_process():
  grid = windows.make_grid((10, 50), (10, 12))
  parts = _all(3, range(len(grid)), grid)
  assert sorted(map(len, parts)) == [0, 0, len(grid)]


@pytest.mark.parametrize('overlap', [0.0, 0.3, 0.7])
def test_windows_above_that_reach_into_the_rows_are_refined_too(overlap):
  grid = windows.make_grid((100, 50), (10, 12), overlap)
  columns = len(grid.lefts)
  own = range(4 * columns, 6 * columns)
  needed = by_window.needed(grid, range(len(grid)), own)
  top = grid.tops[4]
  reaching = [i for i, t in enumerate(grid.tops[:4]) if t + 10 > top]
  first = (reaching[0] if reaching else 4) * columns
  assert needed == list(range(first, own.stop))
  assert by_window.needed(grid, range(len(grid)), range(8, 8)) == []


def test_alone_nobody_waits():
  with Division().together():
    assert Division().meet('here') == ['here']


def test_a_failure_is_told_and_heard(monkeypatch):
  said = []

  def gather(value):
    said.append(value)
    return [value, {'error': 'b.tif: is gone'}]

  monkeypatch.setattr(parallel, 'gather', gather)
  with pytest.raises(OthersError, match=r'b\.tif'):
    Division(0, 2).meet(3)
  # Who hears of it does not tell it again.
  with pytest.raises(OthersError), Division(0, 2).together():
    Division(0, 2).meet(3)
  assert said == [{'value': 3}] * 2
  with pytest.raises(InputError, match='mine'), Division(0, 2).together():
    raise InputError('mine')
  assert said[2:] == [{'error': 'mine'}]


def test_a_row_costs_something_without_windows_to_refine():
  parts = _all(2, [])
  assert abs(len(parts[0]) - len(parts[1])) <= len(GRID.lefts)
  assert division._LEFT_OUT < 1
  assert np.sum([len(part) for part in parts]) == len(GRID)
