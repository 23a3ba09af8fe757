import numpy as np
import pytest

from magnet_jax.cascade import mosaic
from magnet_jax.ops import merge, windows

SIZES = [(16, 16), (17, 16), (15, 40), (1, 1), (1, 50), (50, 1), (33, 47)]
WINDOW = (16, 12)


def _area(size, seed=0, classes=3):
  return np.random.default_rng(seed).random((*size, classes), np.float32)


def _put_together(grid, pieces, before, seen):
  """All tiles, each written once."""
  found = np.full_like(before, np.nan)
  tiles = mosaic.Mosaic(grid, seen)

  def cut(area):
    top, left, height, width = area
    return before[top : top + height, left : left + width]

  for number in range(len(grid)):
    if number in seen:
      tiles.add(number, pieces[number])
    top, left, height, width = tiles.area(number)
    place = found[top : top + height, left : left + width]
    assert np.isnan(place).all()  # tiles do not overlap
    values = tiles.tile(number, cut)
    assert values.shape == place.shape and values.dtype == np.float32
    place[:] = values
  assert not tiles._waiting.parts
  return found


@pytest.mark.parametrize('overlap', [0.0, 0.25, 0.6, 0.8])
@pytest.mark.parametrize('size', SIZES)
def test_what_was_cut_comes_back(size, overlap):
  area = _area(size)
  grid = windows.make_grid(size, WINDOW, overlap)
  pieces = windows.extract(area, grid)
  found = _put_together(grid, pieces, area * 0, range(len(grid)))
  np.testing.assert_allclose(found, area, atol=1e-6)


@pytest.mark.parametrize('overlap', [0.0, 0.25, 0.6, 0.8])
@pytest.mark.parametrize('size', SIZES)
def test_equals_blending_the_whole(size, overlap):
  grid = windows.make_grid(size, WINDOW, overlap)
  pieces = _area((len(grid), *WINDOW))
  found = _put_together(grid, pieces, _area(size), range(len(grid)))
  np.testing.assert_allclose(found, merge.merge(pieces, grid), atol=1e-6)


@pytest.mark.parametrize('overlap', [0.0, 0.3, 0.6])
@pytest.mark.parametrize('size', [(17, 16), (33, 47), (50, 1)])
def test_where_windows_are_left_out_stands_what_was_before(size, overlap):
  grid = windows.make_grid(size, WINDOW, overlap)
  before, after = _area(size), 1 - _area(size)
  olds, pieces = windows.extract(before, grid), windows.extract(after, grid)
  rng = np.random.default_rng(0)
  for share in (0.0, 0.3, 0.8):
    seen = set(np.flatnonzero(rng.random(len(grid)) < share).tolist())
    mixed = np.stack(
      [(pieces if n in seen else olds)[n] for n in range(len(grid))]
    )
    found = _put_together(grid, pieces, before, seen)
    np.testing.assert_allclose(found, merge.merge(mixed, grid), atol=1e-6)
    if not seen:
      np.testing.assert_array_equal(found, before)


def test_windows_that_do_not_overlap_come_back_exactly():
  grid = windows.make_grid((32, 24), WINDOW)
  area = _area((32, 24))
  pieces = windows.extract(area, grid)
  found = _put_together(grid, pieces, area * 0, range(len(grid)))
  np.testing.assert_array_equal(found, area)


def test_windows_that_cannot_be_written_to_are_left_alone():
  grid = windows.make_grid((20, 20), WINDOW, 0.3)
  pieces = windows.extract(_area((20, 20)), grid)
  kept = pieces.copy()
  pieces.flags.writeable = False
  _put_together(grid, pieces, _area((20, 20)), range(len(grid)))
  np.testing.assert_array_equal(pieces, kept)
