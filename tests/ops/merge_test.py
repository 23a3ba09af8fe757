import numpy as np
import pytest

from magnet_jax.ops import merge, windows

SIZES = [(16, 16), (17, 16), (15, 40), (1, 1), (1, 50), (50, 1), (33, 47)]


def _area(size, classes=3):
  return np.random.default_rng(0).random((*size, classes), np.float32)


@pytest.mark.parametrize('overlap', [0.0, 0.25, 0.6])
@pytest.mark.parametrize('size', SIZES)
def test_merging_what_was_cut_gives_the_area_back(size, overlap):
  area = _area(size)
  grid = windows.make_grid(size, (16, 12), overlap)
  found = merge.merge(windows.extract(area, grid), grid)
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, area, atol=1e-6)


@pytest.mark.parametrize('overlap', [0.0, 0.25, 0.6])
@pytest.mark.parametrize('size', SIZES)
def test_sums_to_one_everywhere(size, overlap):
  grid = windows.make_grid(size, (16, 12), overlap)
  pieces = _area((len(grid), 16, 12)) + np.float32(0.1)
  pieces /= pieces.sum(-1, keepdims=True)
  np.testing.assert_allclose(merge.merge(pieces, grid).sum(-1), 1, atol=2e-6)


@pytest.mark.parametrize('overlap', [0.0, 0.5])
def test_windows_without_overlap_come_back_exactly(overlap):
  area = _area((32, 24))
  grid = windows.make_grid((32, 24), (16, 12), 0.0)
  np.testing.assert_array_equal(
    merge.merge(windows.extract(area, grid), grid), area
  )
  one = windows.make_grid((9, 7), (16, 12), overlap)  # padding, one window
  area = _area((9, 7))
  np.testing.assert_array_equal(
    merge.merge(windows.extract(area, one), one), area
  )


def test_changes_of_some_windows_leave_the_others_as_they_were():
  old, new = _area((20, 20)), 1 - _area((20, 20))
  grid = windows.make_grid((20, 20), (12, 12), 0.25)
  news, olds = windows.extract(new, grid), windows.extract(old, grid)
  found = merge.add_windows(
    old.copy(), grid, [(n, news[n] - olds[n]) for n in (1, 2)]
  )
  mixed = olds.copy()
  mixed[[1, 2]] = news[[1, 2]]
  np.testing.assert_allclose(found, merge.merge(mixed, grid), atol=1e-6)
  np.testing.assert_array_equal(found[:6, :6], old[:6, :6])


def test_no_windows_change_nothing():
  area = _area((20, 20))
  grid = windows.make_grid((20, 20), (12, 12))
  np.testing.assert_array_equal(merge.add_windows(area.copy(), grid, []), area)


def test_works_in_place():
  area = np.zeros((8, 8, 1), np.float32)
  grid = windows.make_grid((8, 8), (8, 8))
  found = merge.add_windows(area, grid, [(0, np.ones((8, 8, 1), np.float32))])
  assert found is area and (area == 1).all()
