"""Overviews of tiled TIFF files and of slides."""

import numpy as np
import pytest

from magnet_jax.ops import area
from magnet_jax.rasters import open_image
from magnet_jax.rasters.broken_blocks import Unbroken

rasterio = pytest.importorskip('rasterio')
SIZE = (300, 421)


def _pixels(size):
  rng = np.random.default_rng(0)
  small = rng.integers(0, 256, (20, 29, 3), np.uint8)
  blocks = np.kron(small, np.ones((15, 15, 1), np.uint8))
  return blocks[: size[0], : size[1]]


def _write(
  path, *, size=SIZE, factors=(2, 4), nodata=None, how='average', **more
):
  pixels = _pixels(size)
  with rasterio.open(
    path,
    'w',
    driver='GTiff',
    height=size[0],
    width=size[1],
    count=3,
    dtype='uint8',
    tiled=True,
    blockxsize=64,
    blockysize=64,
    nodata=nodata,
    photometric='rgb',
    transform=rasterio.Affine(2, 0, 0, 0, -2, 0),
    **more,
  ) as file:
    file.write(np.moveaxis(pixels, -1, 0))
    if factors:
      file.build_overviews(factors, rasterio.enums.Resampling[how])
  return pixels


@pytest.mark.parametrize(
  ('wanted', 'found'),
  [
    ((50, 60), (75, 106)),
    ((75, 106), (75, 106)),
    ((76, 60), (150, 211)),
    ((150, 212), None),
    ((300, 421), None),
  ],
)
def test_the_smallest_that_is_large_enough(tmp_path, wanted, found):
  _write(tmp_path / 'a.tif')
  raster = Unbroken(open_image.open_image(tmp_path / 'a.tif'))
  smaller = raster.reduced(wanted)
  assert (smaller and smaller.size) == found
  raster.close()


def test_pixels_are_those_of_the_overview(tmp_path):
  pixels = _write(tmp_path / 'a.tif')
  raster = open_image.open_image(tmp_path / 'a.tif')
  smaller = raster.reduced((100, 100))
  assert smaller is raster.reduced((140, 200))  # opened once
  whole = smaller.read(0, 0, *smaller.size)
  # GDAL rounds where a pixel begins: at edges they differ.
  exact = area.shrink(pixels, smaller.size).astype(int)
  assert abs(whole - exact).mean() < 2
  np.testing.assert_array_equal(
    smaller.read(20, 30, 41, 52), whole[20:61, 30:82]
  )
  assert smaller.valid(0, 0, 5, 5) is None
  raster.close()


def test_no_data_in_an_overview(tmp_path):
  pixels = _write(tmp_path / 'a.tif', nodata=0, how='nearest')
  raster = open_image.open_image(tmp_path / 'a.tif')
  smaller = raster.reduced((10, 10))
  valid = smaller.valid(0, 0, *smaller.size)
  assert valid.shape == smaller.size
  assert valid.all() == (pixels > 0).any(-1).all()
  raster.close()


def test_a_file_without_any(tmp_path):
  _write(tmp_path / 'a.tif', factors=())
  raster = open_image.open_image(tmp_path / 'a.tif')
  assert raster.reduced((1, 1)) is None
  assert Unbroken(raster).reduced((1, 1)) is None
  raster.close()


def test_levels_of_a_slide(tmp_path):
  pytest.importorskip('openslide')
  pixels = _write(tmp_path / 'a.tif', size=(300, 420))
  path = tmp_path / 'a.svs'
  (tmp_path / 'a.tif').rename(path)
  slide = open_image.open_image(path)
  smaller = slide.reduced((70, 100))
  assert smaller.size == (75, 105)
  assert smaller is slide.reduced((75, 105))
  assert slide.reduced((200, 200)) is None
  whole = smaller.read(0, 0, *smaller.size)
  exact = area.shrink(pixels, smaller.size).astype(int)
  assert abs(whole - exact).mean() < 4
  np.testing.assert_array_equal(
    smaller.read(20, 30, 41, 52), whole[20:61, 30:82]
  )
  slide.close()


def test_a_broken_block_of_an_overview_is_told(tmp_path):
  path = tmp_path / 'a.tif'
  _write(path, compress='deflate')
  with rasterio.open(path, OVERVIEW_LEVEL=0) as file:
    start = int(file.get_tag_item('BLOCK_OFFSET_0_0', 'TIFF', bidx=1))
  data = bytearray(path.read_bytes())
  data[start : start + 100] = b'\x55' * 100
  path.write_bytes(data)
  raster = Unbroken(open_image.open_image(path))
  smaller = raster.reduced((100, 100))
  assert smaller is raster.reduced((120, 100))
  assert not smaller.valid(0, 0, *smaller.size)[:64, :64].any()
  (line,) = raster.broken
  assert 'row 0, column 0' in line and 'overview of 150 x 211' in line
  raster.close()
