"""Which bands of a file are its colours, and which pixels hold data."""

from geo_files import (
  SIZE,
  all_valid,
  channels_last,
  pixels,
  unplaced,
  whole,
  write,
)
import numpy as np
import pytest

from magnet_jax.rasters import geo
from magnet_jax.types import InputError

pytestmark = unplaced


@pytest.mark.parametrize(
  ('bands', 'chosen'),
  [((4, 3, 2), (3, 2, 1)), ((1, 1, 13), (0, 0, 12)), ((7,), (6, 6, 6))],
)
def test_bands_are_chosen(tmp_path, bands, chosen):
  values = pixels(13)
  raster = geo.open_file(write(tmp_path / 'a.tif', values), bands=bands)
  np.testing.assert_array_equal(
    whole(raster), channels_last(values[list(chosen)])
  )


@pytest.mark.parametrize('count', [2, 4, 13])
def test_bands_that_are_not_clear(tmp_path, count):
  path = write(tmp_path / 'a.tif', pixels(count), photometric='minisblack')
  with pytest.raises(InputError, match=rf'has {count} bands.*--bands'):
    geo.open_file(path)


@pytest.mark.parametrize('bands', [(), (1, 2), (0, 1, 2), (1, 2, 4), (-1,)])
def test_bands_that_are_not_there(tmp_path, bands):
  path = write(tmp_path / 'a.tif', pixels())
  with pytest.raises(InputError, match=r'three or one of 1\.\.3'):
    geo.open_file(path, bands=bands)


def test_one_band_is_repeated(tmp_path):
  values = pixels(1)
  found = whole(geo.open_file(write(tmp_path / 'a.tif', values)))
  np.testing.assert_array_equal(found, np.repeat(values[0, ..., None], 3, -1))


def test_palette_gives_colours(tmp_path):
  values = pixels(1, high=3)
  table = {0: (1, 2, 3, 255), 1: (40, 50, 60, 255), 2: (255, 254, 253, 255)}
  path = write(tmp_path / 'a.tif', values, palette=table)
  colours = np.array([table[i][:3] for i in range(3)], np.uint8)
  np.testing.assert_array_equal(whole(geo.open_file(path)), colours[values[0]])
  # Asked for by its number it is the band itself.
  np.testing.assert_array_equal(
    whole(geo.open_file(path, bands=(1,)))[..., 0], values[0]
  )


def test_a_band_that_is_asked_for_is_no_alpha(tmp_path):
  values = pixels(4)
  path = write(tmp_path / 'a.tif', values, photometric='rgb', alpha='yes')
  assert all_valid(geo.open_file(path, bands=(3, 2, 1))) is not None
  raster = geo.open_file(path, bands=(4, 3, 2))
  assert all_valid(raster) is None
  np.testing.assert_array_equal(whole(raster), channels_last(values[3:0:-1]))


@pytest.mark.parametrize('count', [2, 4])
def test_alpha_says_what_is_valid(tmp_path, count):
  values = pixels(count)
  values[-1, :, :40] = 0
  values[-1, :, 40:60] = 1
  colours = ['gray'] if count == 2 else ['red', 'green', 'blue']
  path = write(
    tmp_path / 'a.tif', values, alpha='yes', colours=[*colours, 'alpha']
  )
  raster = geo.open_file(path)
  valid = all_valid(raster)
  np.testing.assert_array_equal(valid, values[-1] > 0)
  assert not valid[:, :40].any() and valid[:, 40:60].all()
  expected = np.where(valid, values[:-1], 0)
  np.testing.assert_array_equal(
    whole(raster),
    np.broadcast_to(channels_last(expected), (*SIZE, 3)),
  )


def test_nodata_value(tmp_path):
  values = pixels(high=4)
  values[:, 10:20] = 2
  raster = geo.open_file(write(tmp_path / 'a.tif', values, nodata=2))
  expected = (values != 2).any(0)  # in one band it may occur by chance
  np.testing.assert_array_equal(all_valid(raster), expected)
  assert not all_valid(raster)[10:20].any()
  np.testing.assert_array_equal(
    whole(raster), channels_last(np.where(expected, values, 0))
  )


@pytest.mark.parametrize('nodata', [float('nan'), -3.4028234663852886e38])
def test_nodata_of_floats(tmp_path, nodata):
  values = pixels(dtype=np.float32)
  values[:, 5:9] = nodata
  values[0, 0, 0], values[1, 0, 1] = np.inf, np.nan
  path = write(tmp_path / 'a.tif', values, nodata=nodata)
  valid = all_valid(geo.open_file(path, stretch=(0, 255)))
  expected = np.ones(SIZE, bool)
  expected[5:9] = expected[0, :2] = False
  np.testing.assert_array_equal(valid, expected)


def test_mask_of_the_file(tmp_path):
  mask = np.zeros(SIZE, np.uint8)
  mask[20:50, 30:90] = 255
  values = pixels()
  raster = geo.open_file(write(tmp_path / 'a.tif', values, mask=mask))
  np.testing.assert_array_equal(all_valid(raster), mask > 0)
  np.testing.assert_array_equal(
    whole(raster), channels_last(np.where(mask, values, 0))
  )


def test_all_nodata_is_found_out(tmp_path):
  none = write(tmp_path / 'a.tif', np.zeros((3, *SIZE), np.uint8), nodata=0)
  assert not all_valid(geo.open_file(none)).any()
  values = np.zeros((3, *SIZE), np.uint8)
  values[1, -1, -1] = 9
  one = write(tmp_path / 'b.tif', values, nodata=0)
  assert all_valid(geo.open_file(one)).any()
  assert all_valid(geo.open_file(write(tmp_path / 'c.tif', values))) is None
