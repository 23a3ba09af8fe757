"""Small files for GDAL; tests that import this are skipped without rasterio."""

import numpy as np
import pytest

rasterio = pytest.importorskip(
  'rasterio', reason='needs rasterio: pip install "magnet-jax[geo]"'
)
# Most files here are not georeferenced.
unplaced = pytest.mark.filterwarnings(
  'ignore::rasterio.errors.NotGeoreferencedWarning'
)
SIZE = (75, 110)
TRANSFORM = (0.5, 0.0, 500000.0, 0.0, -0.5, 5000000.0)
LAYOUTS = {
  'tiles': {},
  'strips': {'tiled': False, 'blockysize': 8},
  'one strip': {'tiled': False, 'blockysize': SIZE[0]},
  'planes': {'interleave': 'band'},
  'no compression': {'compress': None},
  'BigTIFF': {'BIGTIFF': 'YES'},
}


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
