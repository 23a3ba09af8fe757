"""The files of an image that has a place, with and without rasterio."""

import importlib.util

import numpy as np
import pytest

from magnet_jax.cascade.workspace import InMemory
from magnet_jax.files import images
from magnet_jax.predict import outputs
from magnet_jax.rasters import world_files
from magnet_jax.rasters.rasters import ArrayRaster, Place
from magnet_jax.types import ClassTable

CLASSES = ClassTable(('soil', 'weed'), ((120, 80, 40), (200, 30, 30)))
PLACE = Place('', (0.5, 0.0, 500000.0, 0.0, -0.5, 5000000.0))
LABEL = np.zeros((6, 4), np.uint8)
LABEL[2:] = 1
LABEL[0] = 255
MAPS = np.full((6, 4, 2), 0.5, np.float32)


@pytest.mark.parametrize('place', [PLACE, None])
def test_without_rasterio_a_world_file_says_where(tmp_path, monkeypatch, place):
  raster = ArrayRaster(np.zeros((6, 4, 3), np.uint8), place=place)
  with monkeypatch.context() as patch:
    patch.setattr(importlib.util, 'find_spec', lambda name: None)
    end = outputs.suffix(raster)
    path = tmp_path / f'a_label{end}'
    outputs.write_plane(path, InMemory(LABEL), raster, CLASSES)
    stem = tmp_path / 'a_probabilities'
    maps, label = InMemory(MAPS), InMemory(LABEL)
    outputs.write_probabilities(stem, maps, label, raster, CLASSES)
  assert end == '.png' and world_files.read(path) == place
  np.testing.assert_array_equal(images.read_label(path, CLASSES), LABEL)
  np.testing.assert_array_equal(np.load(f'{stem}.npy'), MAPS)
  written = {file.name for file in tmp_path.iterdir()}
  all_of_them = outputs.Outputs(probabilities=True)
  assert written <= {*outputs.names('a', all_of_them)}


def test_with_rasterio_both_are_georeferenced(tmp_path):
  rasterio = pytest.importorskip('rasterio')
  raster = ArrayRaster(np.zeros((6, 4, 3), np.uint8), place=PLACE)
  assert outputs.suffix(raster) == '.tif'
  stem = tmp_path / 'a_probabilities'
  maps, label = InMemory(MAPS), InMemory(LABEL)
  outputs.write_probabilities(stem, maps, label, raster, CLASSES)
  with rasterio.open(f'{stem}.tif') as file:
    assert file.descriptions == CLASSES.names
    found = file.read()
  assert np.isnan(found[:, 0]).all() and (found[:, 1:] == 0.5).all()
