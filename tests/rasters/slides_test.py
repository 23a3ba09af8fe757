"""Microscope slides, as TIFF files in Aperio's layout."""

import importlib.util
import sys

import numpy as np
import pytest

from magnet_jax.rasters import broken_blocks, open_image, rasters, slides
from magnet_jax.types import InputError

pytestmark = [
  pytest.mark.skipif(
    not importlib.util.find_spec('openslide'),
    reason='needs OpenSlide: pip install "magnet-jax[slides]"',
  ),
  pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning'),
]
rasterio = pytest.importorskip(
  'rasterio', reason='slides are made by it: pip install "magnet-jax[geo]"'
)
SIZE, TILE = (150, 330), (64, 128)
PIXELS = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
_WORDS = 'Aperio Image Library v1\n330x150 [0,0 330x150] (128x64)|AppMag = 20'


def _write(path):
  with rasterio.open(
    path,
    'w',
    driver='GTiff',
    count=3,
    height=SIZE[0],
    width=SIZE[1],
    dtype='uint8',
    tiled=True,
    blockysize=TILE[0],
    blockxsize=TILE[1],
    compress='deflate',
  ) as file:
    file.update_tags(TIFFTAG_IMAGEDESCRIPTION=_WORDS)
    file.write(np.moveaxis(PIXELS, -1, 0))
  return path


def _break(path, column, row):
  with rasterio.open(path) as file:
    name = f'BLOCK_OFFSET_{column}_{row}'
    start = int(file.get_tag_item(name, 'TIFF', bidx=1))
  data = bytearray(path.read_bytes())
  data[start : start + 100] = b'\x55' * 100
  path.write_bytes(data)


def test_windows_equal_the_whole(tmp_path):
  raster = open_image.open_image(_write(tmp_path / 'a.svs'))
  assert isinstance(raster, slides.Slide)
  assert (raster.size, raster.block, raster.in_rows) == (SIZE, TILE, False)
  assert raster.notes == ('a.svs: a slide, magnification 20',)
  np.testing.assert_array_equal(raster.read(0, 0, *SIZE), PIXELS)
  rng = np.random.default_rng(1)
  for _ in range(10):
    top, left = int(rng.integers(0, 100)), int(rng.integers(0, 250))
    np.testing.assert_array_equal(
      raster.read(top, left, 50, 80), PIXELS[top : top + 50, left : left + 80]
    )
    assert raster.valid(top, left, 50, 80).all()
  raster.close()


def test_a_broken_tile_is_named_and_gone_around(tmp_path):
  path = _write(tmp_path / 'a.svs')
  _break(path, 1, 1)
  raster = slides.open_slide(path)
  with pytest.raises(rasters.BadBlockError, match='row 64') as caught:
    raster.read(0, 0, *SIZE)
  assert caught.value.area == (64, 128, 64, 128)
  raster = broken_blocks.Unbroken(raster)
  expected = np.ones(SIZE, bool)
  expected[64:128, 128:256] = False
  np.testing.assert_array_equal(raster.valid(0, 0, *SIZE), expected)
  np.testing.assert_array_equal(
    raster.read(0, 0, *SIZE), np.where(expected[..., None], PIXELS, 0)
  )
  assert len(raster.broken) == 1


def test_a_slide_that_changes(tmp_path):
  path = _write(tmp_path / 'a.svs')
  raster = slides.open_slide(path)
  with path.open('ab') as file:
    file.write(b'more')
  with pytest.raises(InputError, match='was changed while'):
    raster.read(0, 0, 9, 9)


def test_what_is_no_slide(tmp_path, monkeypatch):
  path = tmp_path / 'a.ndpi'
  path.write_bytes(b'II*\0' + bytes(100))
  with pytest.raises(InputError, match='cannot be opened as a slide'):
    open_image.open_image(path)
  path = _write(tmp_path / 'a.svs')
  with pytest.raises(InputError, match='leave bands out'):
    open_image.open_image(path, bands=(1, 2, 3))
  monkeypatch.setitem(sys.modules, 'openslide', None)
  with pytest.raises(InputError, match=r'pip install "magnet-jax\[slides\]"'):
    open_image.open_image(path)
