"""Samples are read as their data set requires."""

import numpy as np
from PIL import Image
import pytest

from magnet_jax.data import reading
from magnet_jax.types import ClassTable, InputError

CLASSES = ClassTable(('soil', 'weed'), ((100, 50, 0), (0, 200, 0)))
RNG = np.random.default_rng(0)


def _save(path, pixels, **settings):
  Image.fromarray(pixels).save(path, **settings)
  return path


def test_sample(tmp_path):
  pixels = RNG.integers(0, 256, (3, 4, 3), np.uint8)
  image = _save(tmp_path / 'field.png', pixels)
  label = _save(tmp_path / 'l.png', np.ones((3, 4), np.uint8))
  small = _save(tmp_path / 's.png', np.ones((4, 3), np.uint8))
  sample = reading.read_sample(image, label, CLASSES)
  assert sample.name == 'field'
  np.testing.assert_array_equal(sample.image, pixels)
  assert sample.label is not None and (sample.label == 1).all()
  assert reading.read_sample(image, None, CLASSES).label is None
  with pytest.raises(InputError, match=r's\.png: label of 4 x 3 .* of 3 x 4'):
    reading.read_sample(image, small, CLASSES)


def test_pixels_without_data_are_ignored(tmp_path):
  pixels = RNG.integers(0, 256, (3, 4, 4), np.uint8)
  pixels[..., 3] = 255
  pixels[1, 2, 3] = 0
  image = _save(tmp_path / 'a.png', pixels)
  label = _save(tmp_path / 'l.png', np.ones((3, 4), np.uint8))
  sample = reading.read_sample(image, label, CLASSES)
  expected = np.ones((3, 4), np.uint8)
  expected[1, 2] = 255
  np.testing.assert_array_equal(sample.label, expected)


def test_one_band_is_repeated(tmp_path):
  pixels = RNG.integers(0, 256, (3, 4), np.uint8)
  image, valid = reading.PLAIN.image(_save(tmp_path / 'a.png', pixels))
  np.testing.assert_array_equal(image, np.stack([pixels] * 3, -1))
  assert valid is None


def test_bands_are_chosen(tmp_path):
  pixels = RNG.integers(0, 256, (3, 4, 3), np.uint8)
  path = _save(tmp_path / 'a.png', pixels)
  image, _ = reading.Reading(bands=(3, 2, 1)).image(path)
  np.testing.assert_array_equal(image, pixels[..., ::-1])
  assert reading.Reading(bands=(3, 2, 1)).size(path) == (3, 4)
  with pytest.raises(InputError, match='bands 4'):
    reading.Reading(bands=(4,)).image(path)


def test_four_plain_bands_and_a_stretch(tmp_path):
  rasterio = pytest.importorskip('rasterio')
  bands = RNG.integers(0, 4096, (4, 5, 6)).astype(np.uint16)
  path = tmp_path / 'a.tif'
  with rasterio.open(
    path,
    'w',
    driver='GTiff',
    height=5,
    width=6,
    count=4,
    dtype='uint16',
    photometric='minisblack',
    transform=rasterio.Affine(2, 0, 9, 0, -2, 9),
  ) as file:
    file.write(bands)
  how = reading.Reading(bands=(3, 2, 1), stretch='0,4095')
  assert how.size(path) == (5, 6)
  image, _ = how.image(path)
  expected = np.rint(np.moveaxis(bands[2::-1], 0, -1) / 4095 * 255)
  np.testing.assert_array_equal(image, expected)
  with pytest.raises(InputError):
    reading.PLAIN.size(path)


def test_orientation_is_obeyed_or_not(tmp_path):
  exif = Image.Exif()
  exif[274] = 6
  pixels = RNG.integers(0, 256, (3, 4, 3), np.uint8)
  path = _save(tmp_path / 'a.png', pixels, exif=exif)
  assert reading.PLAIN.size(path) == (4, 3)
  lying = reading.Reading(turn=False)
  assert lying.size(path) == (3, 4)
  np.testing.assert_array_equal(lying.image(path)[0], pixels)


def test_settings():
  assert reading.from_settings({'kind': 'files'}) == reading.PLAIN
  data = {'bands': [4, 3, 2], 'stretch': '2-98', 'turn': False}
  assert reading.from_settings(data) == reading.Reading(
    (4, 3, 2), '2-98', False
  )
  with pytest.raises(InputError, match="stretch 'much'"):
    reading.from_settings({'stretch': 'much'})
