"""`magnet-jax segment` of rasters with more than three bands."""

import json

import numpy as np
from PIL import Image
import pytest

from magnet_jax.cli import main
from magnet_jax.files import images

rasterio = pytest.importorskip(
  'rasterio', reason='without rasterio, GeoTIFF in the command is not tested'
)


def _write(path, pixels, **profile):
  bands, height, width = pixels.shape
  with rasterio.open(
    path,
    'w',
    driver='GTiff',
    count=bands,
    height=height,
    width=width,
    dtype=pixels.dtype,
    crs='EPSG:32640',
    photometric='MINISBLACK',
    transform=rasterio.Affine(0.3, 0, 3e5, 0, -0.3, 2.8e6),
    **profile,
  ) as file:
    file.write(pixels)


def segment(path, checkpoint, folder, *flags):
  return main.main(
    [
      'segment',
      str(path),
      f'--checkpoint={checkpoint}',
      f'--out={folder}',
      '--no-panel',
      *flags,
    ]
  )


def test_bands_are_the_colours_and_labels_keep_their_place(
  checkpoint, tmp_path
):
  rng = np.random.default_rng(0)
  colours = rng.integers(0, 255, (40, 50, 3), np.uint8)
  images.write_image(tmp_path / 'plain.png', colours)
  pixels = np.zeros((5, 40, 50), np.uint16)
  for band, colour in ((4, 0), (2, 1), (1, 2)):
    pixels[band - 1] = colours[..., colour].astype(np.uint16) * 16
  pixels[4] = 4095
  _write(tmp_path / 'many.tif', pixels)
  out = tmp_path / 'out'
  flags = ['--bands=4,2,1', '--stretch=0,4080', '--polygons=geojson']
  assert segment(tmp_path / 'many.tif', checkpoint, out, *flags) == 0
  assert segment(tmp_path / 'plain.png', checkpoint, out) == 0
  with rasterio.open(out / 'many_label.tif') as file:
    label = file.read(1)
    assert file.crs.to_epsg() == 32640
    assert file.transform.a == 0.3
  plain = np.asarray(Image.open(out / 'plain_label.png'))
  assert (label == plain).mean() > 0.98
  shapes = json.loads((out / 'many_polygons.geojson').read_text())
  assert shapes['type'] == 'FeatureCollection'


def test_what_bands_must_be_is_said(checkpoint, tmp_path, capfd):
  _write(tmp_path / 'two.tif', np.zeros((2, 20, 20), np.uint8))
  for flags, words in (
    ([], 'two.tif'),
    (['--bands=1,x,2'], '--bands=x: must be a whole number'),
    (['--bands=1,2,9'], '9'),
    (['--stretch=loud'], 'loud'),
  ):
    assert segment(tmp_path / 'two.tif', checkpoint, tmp_path, *flags) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert words in line
