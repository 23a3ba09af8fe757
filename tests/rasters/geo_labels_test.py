"""Labels in TIFF and PNG files: what is in them, and when they fail."""

import importlib.util
import os
import sys

import full_disk
import numpy as np
from picture_files import CLASSES
from PIL import Image
import pytest

from magnet_jax.files import images
from magnet_jax.rasters import geo_labels, rasters
from magnet_jax.types import ClassTable, InputError

SIZE = (1100, 700)
PLACE = rasters.Place('', (0.5, 0.0, 500000.0, 0.0, -0.5, 5000000.0))
KINDS = [
  pytest.param(
    'tif',
    marks=pytest.mark.skipif(
      not importlib.util.find_spec('rasterio'),
      reason='needs rasterio: pip install "magnet-jax[geo]"',
    ),
  ),
  'png',
]


def _labels(size=SIZE):
  coarse = np.random.default_rng(0).integers(0, 3, (size[0] // 9 + 1, size[1]))
  labels = np.repeat(coarse, 9, axis=0)[: size[0]].astype(np.uint8)
  labels[:40] = 255
  return labels


def _strips(labels, heights):
  top = 0
  while top < len(labels):
    height = heights[top % len(heights)]
    yield labels[top : top + height]
    top += height


def _export(path, labels, heights=(512,), **settings):
  settings = {'classes': CLASSES, **settings}
  geo_labels.export_labels(
    path, _strips(labels, heights), size=labels.shape, **settings
  )
  return path


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('size', [SIZE, (1, 1), (3, 900), (513, 2)])
def test_any_reader_gives_the_labels_back(tmp_path, kind, size):
  labels = _labels(size)
  path = _export(tmp_path / f'a.{kind}', labels)
  np.testing.assert_array_equal(images.read_label(path, CLASSES), labels)
  with Image.open(path) as image:
    palette = np.array(image.getpalette('RGB'), np.uint8).reshape(-1, 3)
  np.testing.assert_array_equal(palette[:3], CLASSES.palette[:3])
  assert os.listdir(tmp_path) == [f'a.{kind}']


@pytest.mark.parametrize('kind', KINDS)
def test_same_pixels_same_bytes(tmp_path, kind):
  labels = _labels()
  first = _export(tmp_path / f'a.{kind}', labels).read_bytes()
  for heights in ((1,), (7, 300, 612), (2000,)):
    path = _export(tmp_path / f'b.{kind}', labels, heights)
    assert path.read_bytes() == first


@pytest.mark.parametrize('kind', KINDS)
def test_a_buffer_may_be_filled_again(tmp_path, kind):
  labels = _labels()
  buffer = np.empty((100, SIZE[1]), np.uint8)

  def strips():
    for top in range(0, SIZE[0], 100):
      buffer[:] = labels[top : top + 100]
      yield buffer

  path = tmp_path / f'a.{kind}'
  geo_labels.export_labels(path, strips(), size=SIZE, classes=CLASSES)
  np.testing.assert_array_equal(images.read_label(path, CLASSES), labels)


@pytest.mark.parametrize('kind', KINDS)
def test_grey_values(tmp_path, kind):
  values = np.random.default_rng(0).integers(0, 256, SIZE, np.uint8)
  path = _export(tmp_path / f'a.{kind}', values, classes=None)
  with Image.open(path) as image:
    assert image.mode == 'L'
    np.testing.assert_array_equal(np.asarray(image), values)


def test_what_is_in_the_tiff(tmp_path):
  rasterio = pytest.importorskip('rasterio')
  crs = rasterio.crs.CRS.from_epsg(32633)
  place = rasters.Place(crs.to_wkt(), PLACE.transform)
  labels = _labels()
  path = _export(tmp_path / 'a.tif', labels, place=place)
  with rasterio.open(path) as file:
    assert file.crs == crs
    assert tuple(file.transform)[:6] == PLACE.transform
    assert file.block_shapes == [(512, 512)]
    assert file.compression.name == 'deflate'
    assert file.nodata == 255
    assert file.colormap(1)[2] == (30, 160, 60, 255)
    assert file.tags()['classes'] == '0 soil, 1 weed, 2 carrot'
    assert file.overviews(1) == [2, 4]
    # The most frequent label, so none that is not in the labels.
    half = file.read(1, out_shape=(550, 350))
    assert set(np.unique(half)) == set(np.unique(labels))
    np.testing.assert_array_equal(file.read_masks(1) > 0, labels != 255)


@pytest.mark.parametrize('bands', [False, True])
def test_tiles_lie_in_the_order_of_viewers(tmp_path, bands):
  """The smallest overview first, as `rio cogeo validate` demands."""
  rasterio = pytest.importorskip('rasterio')
  path = tmp_path / 'a.tif'
  if bands:
    _export_probabilities(path, _probabilities())
  else:
    _export(path, _labels(), place=PLACE)
  first = []
  for level in (None, 0, 1):
    how = {} if level is None else {'OVERVIEW_LEVEL': level}
    with rasterio.open(path, **how) as file:
      if level is None:
        assert file.tags(ns='IMAGE_STRUCTURE')['LAYOUT'] == 'COG'
      first.append(int(file.get_tag_item('BLOCK_OFFSET_0_0', 'TIFF', bidx=1)))
  assert first == sorted(first, reverse=True)
  assert os.listdir(tmp_path) == ['a.tif']


def _probabilities(size=SIZE):
  maps = np.random.default_rng(0).random((*size, 3)).astype(np.float32)
  maps /= maps.sum(-1, keepdims=True)
  maps[:40] = np.nan
  return maps


def _export_probabilities(path, maps, heights=(512,)):
  geo_labels.export_probabilities(
    path,
    _strips(maps, heights),
    size=maps.shape[:2],
    place=PLACE,
    names=CLASSES.names,
  )
  return path


def test_probabilities_have_a_band_per_class(tmp_path):
  rasterio = pytest.importorskip('rasterio')
  maps = _probabilities()
  path = _export_probabilities(tmp_path / 'a.tif', maps)
  with rasterio.open(path) as file:
    assert file.descriptions == CLASSES.names
    assert tuple(file.transform)[:6] == PLACE.transform
    assert file.block_shapes[0] == (512, 512)
    assert np.isnan(file.nodata)
    found = np.moveaxis(file.read(), 0, -1)
  np.testing.assert_array_equal(found, maps.astype(np.float16))
  _export_probabilities(path, maps, (7, 300))
  with rasterio.open(path) as file:
    again = np.moveaxis(file.read(), 0, -1)
  np.testing.assert_array_equal(again, found)
  with pytest.raises(ValueError, match='strip of'):
    _export_probabilities(path, maps[..., :2])


def test_control_points_are_kept(tmp_path):
  rasterio = pytest.importorskip('rasterio')
  points = ((0.0, 0.0, 10.0, 50.0, 0.0), (0.0, 100.0, 11.0, 50.0, 5.0))
  crs = rasterio.crs.CRS.from_epsg(4326)
  place = rasters.Place(crs.to_wkt(), (1, 0, 0, 0, 1, 0), points)
  path = _export(tmp_path / 'a.tif', _labels((30, 120)), place=place)
  with rasterio.open(path) as file:
    found, reference = file.gcps
  assert reference == crs
  assert [(p.row, p.col, p.x, p.y, p.z) for p in found] == list(points)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('found', ['few', 'many', 'wide', 'type', 'error'])
def test_nothing_is_left_of_a_failure(tmp_path, kind, found):
  labels = _labels()
  strips = {
    'few': [labels[:-1]],
    'many': [labels, labels[:1]],
    'wide': [np.concatenate([labels, labels], 1)],
    'type': [labels.astype(np.int16)],
  }

  def failing():
    yield labels[:600]
    raise KeyError('the caller')

  path = tmp_path / f'a.{kind}'
  path.write_text('before')
  with pytest.raises(KeyError if found == 'error' else ValueError):
    geo_labels.export_labels(
      path, strips.get(found) or failing(), size=SIZE, classes=CLASSES
    )
  assert path.read_text() == 'before'
  assert os.listdir(tmp_path) == [f'a.{kind}']


def test_names_that_do_not_fit(tmp_path, monkeypatch):
  with pytest.raises(InputError, match=r'cannot be written as \.jpg'):
    geo_labels.check_path(tmp_path / 'a.jpg')
  monkeypatch.setitem(sys.modules, 'rasterio', None)
  with pytest.raises(InputError, match=r'pip install "magnet-jax\[geo\]"'):
    geo_labels.check_path(tmp_path / 'a.tif')
  geo_labels.check_path(tmp_path / 'a.png')


@pytest.mark.parametrize('kind', KINDS)
def test_a_full_disk_at_any_byte(tmp_path, kind):
  labels = np.random.default_rng(0).integers(0, 250, SIZE, np.uint8)
  colours = tuple((i, 0, 0) for i in range(250))
  table = ClassTable(tuple(map(str, range(250))), colours)
  path = _export(tmp_path / f'a.{kind}', labels, classes=table)
  data = path.read_bytes()
  size = len(data)
  path.unlink()
  for most in (20000, size // 2, size * 3 // 4, size - 2000, size - 1):
    with full_disk.after(most):
      with pytest.raises(InputError, match='cannot be written') as caught:
        _export(path, labels, classes=table)
      assert str(caught.value).startswith(f'{path}: ')
      assert os.listdir(tmp_path) == []
  with full_disk.after(size):
    assert _export(path, labels, classes=table).read_bytes() == data
