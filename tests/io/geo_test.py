"""Files that GDAL reads: the same pixels by windows as whole, and bad files."""

import os
import threading

import numpy as np
from PIL import Image
import pytest

from magnet_jax.io import geo, images, rasters
from magnet_jax.types import InputError

rasterio = pytest.importorskip(
  'rasterio', reason='needs rasterio: pip install "magnet-jax[geo]"'
)
# Most files here have no place on the earth.
pytestmark = pytest.mark.filterwarnings(
  'ignore::rasterio.errors.NotGeoreferencedWarning'
)
SIZE = (75, 110)
TRANSFORM = (0.5, 0.0, 500000.0, 0.0, -0.5, 5000000.0)


def pixels(bands=3, dtype=np.uint8, *, size=SIZE, low=0, high=256):
  rng = np.random.default_rng(0)
  return rng.integers(low, high, (bands, *size)).astype(dtype)


def write(path, values, *, mask=None, colours=None, palette=None, **profile):
  """A tiled, compressed GeoTIFF of [bands,H,W]."""
  profile = {
    'driver': 'GTiff',
    'tiled': True,
    'blockxsize': 32,
    'blockysize': 16,
    'compress': 'deflate',
    **profile,
  }
  if not profile['tiled']:
    del profile['blockxsize']
  with (
    rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
    rasterio.open(
      path,
      'w',
      count=len(values),
      height=values.shape[1],
      width=values.shape[2],
      dtype=values.dtype,
      **profile,
    ) as file,
  ):
    file.write(values)
    if mask is not None:
      file.write_mask(mask)
    if colours:
      file.colorinterp = [rasterio.enums.ColorInterp[c] for c in colours]
    if palette:
      file.write_colormap(1, palette)
  return path


def whole(raster):
  return raster.read(0, 0, *raster.size)


def all_valid(raster):
  return raster.valid(0, 0, *raster.size)


def channels_last(values):
  return np.moveaxis(values, 0, -1)


def break_tile(path, column, row, with_bytes=b'\x55'):
  """Overwrites a tile's compressed bytes."""
  with rasterio.open(path) as file:
    start, length = (
      int(file.get_tag_item(f'BLOCK_{what}_{column}_{row}', 'TIFF', bidx=1))
      for what in ('OFFSET', 'SIZE')
    )
  data = bytearray(path.read_bytes())
  data[start : start + length] = with_bytes * length
  path.write_bytes(data)
  return path


LAYOUTS = {
  'tiles': {},
  'strips': {'tiled': False, 'blockysize': 8},
  'one strip': {'tiled': False, 'blockysize': SIZE[0]},
  'planes': {'interleave': 'band'},
  'no compression': {'compress': None},
  'BigTIFF': {'BIGTIFF': 'YES'},
}


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
  np.testing.assert_array_equal(
    whole(geo.open_file(path)), colours[values[0]]
  )
  # Asked for by its number it is the band itself.
  np.testing.assert_array_equal(
    whole(geo.open_file(path, bands=(1,)))[..., 0], values[0]
  )


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


def test_a_band_that_is_asked_for_is_no_alpha(tmp_path):
  values = pixels(4)
  path = write(tmp_path / 'a.tif', values, photometric='rgb', alpha='yes')
  assert all_valid(geo.open_file(path, bands=(3, 2, 1))) is not None
  raster = geo.open_file(path, bands=(4, 3, 2))
  assert all_valid(raster) is None
  np.testing.assert_array_equal(whole(raster), channels_last(values[3:0:-1]))


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
  assert not rasters.any_valid(geo.open_file(none))
  values = np.zeros((3, *SIZE), np.uint8)
  values[1, -1, -1] = 9
  one = write(tmp_path / 'b.tif', values, nodata=0)
  assert rasters.any_valid(geo.open_file(one))
  assert rasters.any_valid(geo.open_file(write(tmp_path / 'c.tif', values)))


def test_sixteen_bits(tmp_path):
  values = pixels(dtype=np.uint16, high=2**16)
  path = write(tmp_path / 'a.tif', values)
  raster = geo.open_file(path)
  np.testing.assert_array_equal(whole(raster), channels_last(values >> 8))
  assert raster.notes == ('a.tif: 16 bits to 8 as value // 256',)
  twelve = write(tmp_path / 'b.tif', values >> 4, NBITS=12)
  np.testing.assert_array_equal(whole(geo.open_file(twelve)), whole(raster))


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


def test_eight_bits_are_not_stretched(tmp_path):
  values = pixels(high=100)
  raster = geo.open_file(write(tmp_path / 'a.tif', values), stretch='2-98')
  np.testing.assert_array_equal(whole(raster), channels_last(values))
  assert raster.notes == (
    'a.tif: no stretch is used: the pixels have 8 bits',
  )


@pytest.mark.parametrize('layout', ['tiles', 'strips', 'planes'])
def test_a_broken_block_is_named(tmp_path, layout):
  values = pixels(4)
  path = write(
    tmp_path / 'a.tif', values, photometric='minisblack', **LAYOUTS[layout]
  )
  column = 0 if layout == 'strips' else 2
  break_tile(path, column, 1)
  raster = geo.open_file(path, bands=(1, 2, 3))
  height, width = raster.block
  with pytest.raises(rasters.BadBlockError, match='is broken') as caught:
    whole(raster)
  assert caught.value.area == (
    height,
    column * width,
    height,
    min(width, SIZE[1]),
  )
  assert str(path) in str(caught.value) and f'row {height}' in str(caught.value)
  assert '\n' not in str(caught.value)
  # The rest of it is still read.
  np.testing.assert_array_equal(
    raster.read(0, 0, height, SIZE[1]),
    channels_last(values[:3, :height]),
  )


def test_a_truncated_file(tmp_path):
  path = write(tmp_path / 'a.tif', pixels(), compress=None)
  path.write_bytes(path.read_bytes()[:-5000])
  raster = geo.open_file(path)
  raster.read(0, 0, 16, 32)
  with pytest.raises(rasters.BadBlockError):
    whole(raster)


@pytest.mark.parametrize('kind', ['jpg', 'png'])
def test_a_truncated_stream_is_lost_to_its_end(tmp_path, kind):
  # GDAL takes a PNG smaller than this for a single block.
  path = tmp_path / f'a.{kind}'
  Image.fromarray(channels_last(pixels(size=(700, 900)))).save(path)
  expected = whole(geo.open_file(path))
  path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
  raster = geo.open_file(path)
  assert raster.in_rows
  with pytest.raises(rasters.BadBlockError, match='to its end') as caught:
    whole(raster)
  row, left, height, width = caught.value.area
  assert 100 < row < 700 and (left, height, width) == (0, 700 - row, 900)
  found = raster.read(0, 0, row - 1, 900)
  np.testing.assert_array_equal(found, expected[: row - 1])
  with pytest.raises(rasters.BadBlockError):
    raster.read(699, 0, 1, 900)


def test_a_file_that_changes_or_goes(tmp_path):
  path = write(tmp_path / 'a.tif', pixels())
  raster = geo.open_file(path)
  with path.open('ab') as file:
    file.write(b'more')
  with pytest.raises(InputError, match=r'was changed while.*run it again'):
    whole(raster)
  raster = geo.open_file(path)
  whole(raster)
  os.remove(path)
  with pytest.raises(InputError, match='was removed while'):
    raster.read(0, 0, 5, 5)


def test_not_an_image(tmp_path):
  path = tmp_path / 'a.tif'
  path.write_bytes(b'II*\0' + bytes(50))
  with pytest.raises(InputError, match='cannot be opened as an image'):
    geo.open_file(path)
  with pytest.raises(InputError, match='no such file'):
    geo.open_file(tmp_path / 'b.tif')


def test_a_mosaic_of_files(tmp_path):
  values = pixels()
  path = write(tmp_path / 'a.tif', values, transform=TRANSFORM)
  shutil = pytest.importorskip('rasterio.shutil')
  mosaic = tmp_path / 'a.vrt'
  shutil.copy(path, mosaic, driver='VRT')
  np.testing.assert_array_equal(
    whole(geo.open_file(mosaic)), channels_last(values)
  )


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
