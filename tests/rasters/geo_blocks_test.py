"""Blocks that are left out, and blocks that no memory holds."""

from geo_files import pixels, rasterio, unplaced, whole, write
import numpy as np
import pytest

from magnet_jax.files import decoding, host_memory
from magnet_jax.rasters import geo
from magnet_jax.types import InputError

pytestmark = unplaced


def sparse(path, *, written=((16, 32),), **profile):
  """A tiled file of 75x110 pixels, of which only some tiles are written."""
  values = pixels()
  profile = {
    'tiled': True,
    'blockxsize': 32,
    'blockysize': 16,
    'SPARSE_OK': 'TRUE',
    **profile,
  }
  with rasterio.open(
    path,
    'w',
    driver='GTiff',
    count=3,
    height=75,
    width=110,
    dtype='uint8',
    **profile,
  ) as file:
    for top, left in written:
      tile = values[:, top : top + 16, left : left + 32]
      window = ((top, top + 16), (left, left + 32))
      file.write(tile, window=window)
  return path, values


@pytest.mark.parametrize(
  'layout',
  [{'compress': 'deflate'}, {'compress': None}, {'interleave': 'band'}],
)
def test_tiles_that_are_left_out_are_zeros(tmp_path, layout):
  path, values = sparse(tmp_path / 'a.tif', **layout)
  expected = np.zeros((75, 110, 3), np.uint8)
  expected[16:32, 32:64] = np.moveaxis(values[:, 16:32, 32:64], 0, -1)
  np.testing.assert_array_equal(whole(geo.open_file(path)), expected)


def test_a_file_without_any_tile(tmp_path):
  path, _ = sparse(tmp_path / 'a.tif', written=())
  with pytest.raises(
    InputError, match=r'a\.tif: holds no pixels: all of its 20'
  ):
    geo.open_file(path)


def test_the_only_tiles_are_broken(tmp_path):
  path, _ = sparse(tmp_path / 'a.tif', compress='deflate')
  with rasterio.open(path) as file:
    start = int(file.get_tag_item('BLOCK_OFFSET_1_1', 'TIFF', bidx=1))
  data = bytearray(path.read_bytes())
  data[start : start + 50] = bytes(50)
  path.write_bytes(data)
  with pytest.raises(InputError, match=r'no other of 1 sampled .* 19 are left'):
    geo.open_file(path)


def test_blocks_that_are_decoded_whole(tmp_path, monkeypatch):
  strip = {'tiled': False, 'blockysize': 75}
  path = write(tmp_path / 'a.tif', pixels(), **strip)
  assert geo.open_file(path, max_pixels=75 * 110).block == (75, 110)
  with pytest.raises(
    decoding.TooManyPixelsError, match=r'blocks of 75 x 110 .* limit of 8249'
  ):
    geo.open_file(path, max_pixels=75 * 110 - 1)
  # Half of what is free, of three bands though one is read.
  monkeypatch.setattr(host_memory, 'free', lambda: 2 * 3 * 75 * 110 - 2)
  with pytest.raises(InputError, match='would take'):
    geo.open_file(path, bands=(1,))
  apart = write(tmp_path / 'b.tif', pixels(), interleave='band', **strip)
  geo.open_file(apart, bands=(1,)).close()
