"""Numbers of any type to 8 bits: by the range of the type, or by a stretch."""

from geo_files import SIZE, channels_last, pixels, unplaced, whole, write
import numpy as np
import pytest

from magnet_jax.rasters import geo
from magnet_jax.types import InputError

pytestmark = unplaced


def test_sixteen_bits(tmp_path):
  values = pixels(dtype=np.uint16, high=2**16)
  path = write(tmp_path / 'a.tif', values)
  raster = geo.open_file(path)
  np.testing.assert_array_equal(whole(raster), channels_last(values >> 8))
  assert raster.notes == ('a.tif: 16 bits to 8 as value // 256',)
  twelve = write(tmp_path / 'b.tif', values >> 4, NBITS=12)
  np.testing.assert_array_equal(whole(geo.open_file(twelve)), whole(raster))


def test_eight_bits_are_not_stretched(tmp_path):
  values = pixels(high=100)
  raster = geo.open_file(write(tmp_path / 'a.tif', values), stretch='2-98')
  np.testing.assert_array_equal(whole(raster), channels_last(values))
  assert raster.notes == (
    'a.tif: the stretch is ignored: the pixels have 8 bits',
  )


@pytest.mark.parametrize('dtype', ['int8', 'int16', 'uint32', 'float32'])
def test_numbers_without_a_range(tmp_path, dtype):
  values = pixels(dtype=dtype, high=128)
  path = write(tmp_path / 'a.tif', values)
  with pytest.raises(InputError, match=f'{dtype} pixels.*--stretch'):
    geo.open_file(path)
  found = whole(geo.open_file(path, stretch=(0, 255)))
  np.testing.assert_array_equal(found, channels_last(values).astype(np.uint8))


def test_complex_numbers(tmp_path):
  path = write(tmp_path / 'a.tif', pixels().astype(np.complex64))
  with pytest.raises(InputError, match='hold complex64'):
    geo.open_file(path)


def test_percentiles_of_valid_pixels(tmp_path):
  values = pixels(dtype=np.uint16, low=100, high=4000)
  values[:, :30] = 60000
  path = write(tmp_path / 'a.tif', values, nodata=60000)
  raster = geo.open_file(path, stretch='2-98')
  low, high = np.percentile(
    values[:, 30:].reshape(3, -1).astype(float), (2, 98), axis=1
  )
  scaled = (channels_last(values) - low) / (high - low) * 255
  expected = np.rint(np.clip(scaled, 0, 255))
  expected[:30] = 0
  np.testing.assert_array_equal(whole(raster), expected)
  (note,) = raster.notes
  assert note.startswith(f'a.tif: band 1 {low[0]:.6g}..{high[0]:.6g}, band 2')
  assert note.endswith(f'(2-98 of {45 * SIZE[1]} pixels)')


def test_percentiles_of_a_large_image_are_estimated(tmp_path):
  size = (1300, 1700)
  ramp = np.arange(size[0] * size[1]).reshape(1, *size) % 5003
  path = write(
    tmp_path / 'a.tif', ramp.astype(np.int32), blockxsize=256, blockysize=256
  )
  (note,) = geo.open_file(path, stretch='10-90').notes
  assert f'of {32 * 32 * 32 * 32} pixels' in note
  low, high = (float(v) for v in note.split()[3].split('..'))
  assert abs(low - 500) < 60 and abs(high - 4500) < 60


def test_stretch_of_nothing(tmp_path):
  values = np.full((1, *SIZE), 7, np.int16)
  none = write(tmp_path / 'a.tif', values, nodata=7)
  assert not whole(geo.open_file(none, stretch='min-max')).any()
  flat = write(tmp_path / 'b.tif', values)
  assert not whole(geo.open_file(flat, stretch='2-98')).any()
