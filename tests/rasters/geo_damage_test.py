"""Files that GDAL cannot read, wholly or in part: what is lost is reported."""

import os
import struct

from geo_files import (
  LAYOUTS,
  SIZE,
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

from magnet_jax.rasters import geo, rasters
from magnet_jax.types import InputError

pytestmark = unplaced


def break_tile(path, column, row):
  """Overwrites a tile's compressed bytes."""
  with rasterio.open(path) as file:
    start, length = (
      int(file.get_tag_item(f'BLOCK_{what}_{column}_{row}', 'TIFF', bidx=1))
      for what in ('OFFSET', 'SIZE')
    )
  data = bytearray(path.read_bytes())
  data[start : start + length] = b'\x55' * length
  path.write_bytes(data)


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
  with pytest.raises(InputError, match=r'was changed while.*try again'):
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


def test_a_jpeg_2000_that_claims_more_than_it_holds(tmp_path):
  if 'JP2OpenJPEG' not in rasterio.drivers.raster_driver_extensions().values():
    pytest.skip('GDAL has no OpenJPEG')
  path = tmp_path / 'a.jp2'
  shape = {'count': 3, 'height': SIZE[0], 'width': SIZE[1], 'dtype': 'uint8'}
  with rasterio.open(path, 'w', driver='JP2OpenJPEG', **shape) as file:
    file.write(pixels())
  assert geo.open_file(path).size == SIZE
  data = bytearray(path.read_bytes())
  sides = struct.pack('>II', 2**31 - 1, 2**31 - 1)
  start = data.index(b'\xff\x51') + 6  # of the code stream: sides, tile sides
  for place in (data.index(b'ihdr') + 4, start, start + 16):
    data[place : place + 8] = sides
  path.write_bytes(data)
  with pytest.raises(InputError, match='bytes can hold'):
    geo.open_file(path)
