import numpy as np
import pytest

from magnet_jax.cascade import disk, plan, pyramid, tiling
from magnet_jax.ops import area
from magnet_jax.rasters import rasters
from magnet_jax.rasters.rasters import ArrayRaster
from magnet_jax.types import InputError


class Rows(ArrayRaster):
  """Read from the top down, in full rows."""

  in_rows = True
  block = (7, 10**6)

  def read(self, top, left, height, width):
    assert (left, width) == (0, self.size[1])
    return super().read(top, left, height, width)


class Blocks(ArrayRaster):
  """Read in tiles."""

  block = (16, 32)


def _image(size):
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (*size, 3), np.uint8)


def _whole(plane):
  return plane.read(0, 0, *plane.size)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
  monkeypatch.setattr(tiling, 'CHUNK', (16, 24))
  monkeypatch.setattr(pyramid, '_BAND', 3000)
  monkeypatch.setattr(pyramid, '_PIECE', 1000)


@pytest.mark.parametrize('reader', [ArrayRaster, Rows, Blocks])
@pytest.mark.parametrize('size', [(64, 64), (100, 71), (19, 160), (1, 50)])
def test_images_are_those_in_memory(tmp_path, reader, size):
  image = _image(size)
  sizes = [stage.size for stage in plan.make_plan(size, window=(16, 16))]
  rows = []
  masked = pyramid.make(reader(image), sizes, tmp_path, rows.append)
  assert not masked and rows[-1] == 1 and rows == sorted(rows)
  made = pyramid.opened(reader(image), sizes, tmp_path, masked)
  assert made.invalid is None
  assert len(made.images) == len(sizes)
  for plane, each in zip(made.images, sizes, strict=True):
    assert plane.size == each
    if plane is not made.images[-1] or reader is Rows:
      assert isinstance(plane, disk.OnDisk)
      np.testing.assert_array_equal(_whole(plane), area.shrink(image, each))


@pytest.mark.parametrize('reader', [Rows, Blocks])
def test_what_is_not_valid_is_noted(tmp_path, reader):
  size = (70, 90)
  mask = np.ones(size, bool)
  mask[30:50, 7:60] = False
  source = reader(_image(size), mask)
  assert pyramid.make(source, [(10, 13), size], tmp_path, lambda rows: None)
  made = pyramid.opened(source, [(10, 13), size], tmp_path, masked=True)
  np.testing.assert_array_equal(_whole(made.invalid), ~mask)


def test_made_again_over_what_was_left(tmp_path):
  size = (70, 90)
  for seed in (1, 0):
    image = _image(size) // (seed + 1)
    pyramid.make(Blocks(image), [(31, 40), size], tmp_path, lambda rows: None)
  made = pyramid.opened(Blocks(image), [(31, 40), size], tmp_path, False)
  np.testing.assert_array_equal(
    _whole(made.images[0]), area.shrink(image, (31, 40))
  )


class Reduced(Blocks):
  """With overviews of a half and of a sixth of a side."""

  reads = 0

  def read(self, top, left, height, width):
    object.__setattr__(self, 'reads', self.reads + height * width)
    return super().read(top, left, height, width)

  def reduced(self, size):
    sizes = [tuple(-(-n // by) for n in self.size) for by in (2, 6)]
    level = rasters.smallest(sizes, size)
    if level is None:
      return None
    mask = self.mask
    if mask is not None:
      mask = mask[:: (2, 6)[level], :: (2, 6)[level]]
    return Blocks(area.shrink(self.pixels, sizes[level]), mask)


SIZES = [(10, 15), (20, 30), (60, 90), (120, 180)]


def test_overviews_spare_the_image_itself(tmp_path):
  image = _image(SIZES[-1])
  source = Reduced(image)
  told = []
  pyramid.make(source, SIZES, tmp_path, told.append, overviews=True)
  assert source.reads == 0 and told[-1] == 1
  made = pyramid.opened(source, SIZES, tmp_path, masked=False)
  # Areas of areas are areas, but for the rounding of each.
  for plane, size in zip(made.images[:-1], SIZES[:-1], strict=True):
    exact = area.shrink(image, size).astype(int)
    assert abs(_whole(plane) - exact).max() <= 1


def test_overviews_that_are_too_small_are_not_used(tmp_path):
  sizes = [(10, 15), (90, 140), SIZES[-1]]
  source = Reduced(_image(SIZES[-1]))
  pyramid.make(source, sizes, tmp_path, lambda share: None, overviews=True)
  assert source.reads == 120 * 180
  made = pyramid.opened(source, sizes, tmp_path, masked=False)
  np.testing.assert_array_equal(
    _whole(made.images[1]), area.shrink(source.pixels, sizes[1])
  )


def test_what_is_not_valid_is_asked_for_where_it_is_not_read(tmp_path):
  mask = np.ones(SIZES[-1], bool)
  mask[30:50, 7:60] = False
  source = Reduced(_image(SIZES[-1]), mask)
  told = [].append
  assert pyramid.make(source, SIZES, tmp_path, told, overviews=True)
  made = pyramid.opened(source, SIZES, tmp_path, masked=True)
  np.testing.assert_array_equal(_whole(made.invalid), ~mask)
  nothing = Reduced(source.pixels, mask & False)
  with pytest.raises(InputError, match='none of its 120x180 pixels'):
    pyramid.make(nothing, SIZES, tmp_path, told, overviews=True)
