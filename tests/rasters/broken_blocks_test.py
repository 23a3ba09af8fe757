"""Reading around broken blocks."""

import numpy as np
import pytest

from magnet_jax.rasters import broken_blocks, rasters
from magnet_jax.rasters.rasters import BadBlockError
from magnet_jax.types import InputError

SIZE, BLOCK = (50, 70), (16, 20)
PIXELS = np.random.default_rng(0).integers(1, 256, (*SIZE, 3), np.uint8)
MASK = np.random.default_rng(1).random(SIZE) > 0.1


class Broken(rasters.ArrayRaster):
  """Tiles of which some cannot be read."""

  block = BLOCK
  bad = ()

  def read(self, top, left, height, width):
    area = (top, left, height, width)
    for block in rasters.blocks_in(area, BLOCK, SIZE):
      if block in self.bad:
        raise BadBlockError(f'a.tif: block {block} is broken', block)
    return super().read(*area)


def _raster(bad, mask=None):
  raster = Broken(PIXELS, mask)
  object.__setattr__(raster, 'bad', bad)
  return broken_blocks.Unbroken(raster)


def test_nothing_broken():
  raster = _raster(())
  np.testing.assert_array_equal(raster.read(0, 0, *SIZE), PIXELS)
  assert raster.valid(0, 0, *SIZE) is None
  assert raster.broken == ()
  assert (raster.size, raster.block) == (SIZE, BLOCK)
  assert not raster.in_rows and raster.place is None and raster.notes == ()
  raster.close()


@pytest.mark.parametrize('mask', [None, MASK])
def test_windows_in_any_order_see_the_same(mask):
  bad = ((16, 20, 16, 20), (48, 60, 2, 10), (0, 0, 16, 20))
  expected = np.ones(SIZE, bool) if mask is None else mask.copy()
  for top, left, height, width in bad:
    expected[top : top + height, left : left + width] = False
  windows = [
    (top, left, min(20, SIZE[0] - top), min(25, SIZE[1] - left))
    for top in range(0, SIZE[0], 13)
    for left in range(0, SIZE[1], 11)
  ]
  for seed in range(4):
    raster = _raster(bad, mask)
    for i in np.random.default_rng(seed).permutation(len(windows)):
      top, left, height, width = window = windows[i]
      here = slice(top, top + height), slice(left, left + width)
      valid = raster.valid(*window)
      if valid is None:
        valid = np.ones((height, width), bool)
      np.testing.assert_array_equal(valid, expected[here])
      broken = ~expected[here] & (mask[here] if mask is not None else True)
      found = raster.read(*window)
      assert not found[broken].any()
      np.testing.assert_array_equal(found[valid], PIXELS[here][valid])
    assert len(raster.broken) == 3
    assert raster.broken[0] == 'a.tif: block (0, 0, 16, 20) is broken'


def test_other_errors_go_through():
  class Gone(rasters.ArrayRaster):
    def read(self, *_):
      raise rasters.InputError('a.tif: was removed')

  with pytest.raises(rasters.InputError, match='was removed'):
    broken_blocks.Unbroken(Gone(PIXELS)).read(0, 0, 5, 5)


def _all_but(*good):
  blocks = rasters.blocks_in((0, 0, *SIZE), BLOCK, SIZE)
  return tuple(block for block in blocks if block not in good)


def test_a_file_is_refused_only_if_nothing_of_it_can_be_read():
  for bad in ((), ((0, 0, 16, 20),), _all_but((48, 60, 2, 10))):
    _raster(bad).check()
  with pytest.raises(InputError, match='of 16 sampled blocks') as error:
    _raster(_all_but()).check()
  assert 'a.tif: block (0, 0, 16, 20) is broken' in str(error.value)


def test_slow_decoders_are_not_asked_for_each_block(monkeypatch):
  times = iter([0.0, 1.0, 6.0])
  monkeypatch.setattr(broken_blocks.time, 'monotonic', lambda: next(times))
  with pytest.raises(InputError, match='of 2 sampled blocks'):
    _raster(_all_but()).check()
