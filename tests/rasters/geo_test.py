"""Files that GDAL reads: by windows like whole, by GDAL like by Pillow."""

import threading

from geo_files import (
  LAYOUTS,
  SIZE,
  TRANSFORM,
  channels_last,
  pixels,
  rasterio,
  unplaced,
  whole,
  write,
)
import numpy as np
from PIL import Image
import pytest

from magnet_jax.files import images
from magnet_jax.rasters import geo

pytestmark = unplaced


@pytest.mark.parametrize('layout', LAYOUTS)
def test_windows_equal_the_whole(tmp_path, layout):
  values = pixels()
  path = write(tmp_path / 'a.tif', values, **LAYOUTS[layout])
  raster = geo.open_file(path)
  expected = channels_last(values)
  np.testing.assert_array_equal(whole(raster), expected)
  rng = np.random.default_rng(1)
  for _ in range(20):
    top, left = rng.integers(0, SIZE[0]), rng.integers(0, SIZE[1])
    height = rng.integers(1, SIZE[0] - top + 1)
    width = rng.integers(1, SIZE[1] - left + 1)
    found = raster.read(top, left, height, width)
    assert found.flags.c_contiguous and found.dtype == np.uint8
    np.testing.assert_array_equal(
      found, expected[top : top + height, left : left + width]
    )
    assert raster.valid(top, left, height, width) is None
  assert raster.in_rows == (layout == 'strips')
  assert raster.notes == ()
  raster.close()


def test_block_and_place(tmp_path):
  path = write(
    tmp_path / 'a.tif', pixels(), crs='EPSG:32633', transform=TRANSFORM
  )
  raster = geo.open_file(path)
  assert raster.block == (16, 32)
  assert raster.place.transform == TRANSFORM
  assert 'UTM zone 33N' in raster.place.crs
  plain = geo.open_file(write(tmp_path / 'b.tif', pixels()))
  assert plain.place is None


def test_control_points_are_a_place(tmp_path):
  points = [
    rasterio.control.GroundControlPoint(row, col, 10 + col / 100, 50 - row)
    for row, col in ((0, 0), (0, 100), (70, 0), (70, 100))
  ]
  path = write(tmp_path / 'a.tif', pixels(), gcps=points, crs='EPSG:4326')
  place = geo.open_file(path).place
  assert place.points[3] == (70, 100, 11, -20, 0)
  assert 'WGS 84' in place.crs


MODES = ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'I;16')


@pytest.mark.parametrize('mode', MODES)
def test_png_by_gdal_equals_pillow(tmp_path, mode):
  values = channels_last(pixels())
  image = Image.fromarray(values)
  if mode == 'I;16':
    image = Image.fromarray(pixels(1, np.uint16, high=2**16)[0])
  elif mode in ('LA', 'RGBA'):
    image.putalpha(200)
  path = tmp_path / 'a.png'
  (image if mode == 'I;16' else image.convert(mode)).save(path)
  np.testing.assert_array_equal(
    whole(geo.open_file(path)), images.read_image(path)
  )


@pytest.mark.parametrize('bits', [1, 2, 4])
def test_gray_png_of_few_bits(tmp_path, bits):
  path = tmp_path / 'a.png'
  values = pixels(1, high=2**bits)
  write(path, values, driver='PNG', NBITS=bits, tiled=False, compress=None)
  np.testing.assert_array_equal(
    whole(geo.open_file(path))[..., 0], values[0] * (255 // (2**bits - 1))
  )


def test_threads_share_a_raster(tmp_path):
  values = pixels(nodata := 3, high=4)
  raster = geo.open_file(write(tmp_path / 'a.tif', values, nodata=nodata))
  valid = (values != nodata).any(0)
  expected = channels_last(np.where(valid, values, 0))
  wrong = []

  def work(seed):
    rng = np.random.default_rng(seed)
    for _ in range(30):
      top, left = int(rng.integers(0, 60)), int(rng.integers(0, 90))
      area = (slice(top, top + 15), slice(left, left + 20))
      same = np.array_equal(raster.read(top, left, 15, 20), expected[area])
      mask = raster.valid(top, left, 15, 20)
      if not (same and np.array_equal(mask, valid[area])):
        wrong.append((top, left))

  threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert not wrong
