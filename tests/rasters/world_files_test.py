"""World files: read with images that cannot hold a place, and written."""

import numpy as np
import pytest

from magnet_jax.files import images
from magnet_jax.rasters import open_image, world_files
from magnet_jax.rasters.rasters import Place
from magnet_jax.types import InputError

PLACE = Place('', (0.5, 0.0, 500000.0, 0.0, -0.25, 5000000.0))
# As other programs write it: the centre of the first pixel, and commas.
TEXT = '0,50\n0,0\n0,0\n-0.25\n500000.25\n4999999.875\n'


@pytest.fixture(name='image')
def make_image(tmp_path):
  pixels = np.arange(6 * 4 * 3).reshape(6, 4, 3).astype(np.uint8)
  images.write_image(tmp_path / 'a.png', pixels)
  return tmp_path / 'a.png'


@pytest.mark.parametrize('name', ['a.pgw', 'a.PGW', 'a.pngw', 'a.wld'])
def test_the_usual_names_are_found(image, name):
  assert open_image.open_image(image).place is None
  image.with_name(name).write_text(TEXT)
  assert open_image.open_image(image).place == PLACE


def test_what_is_written_is_read(image):
  place = Place('', (0.1, 0.03, 1 / 3, -0.02, -0.7, 2e6 / 7))
  world_files.write(image, place)
  found = world_files.read(image)
  np.testing.assert_allclose(found.transform, place.transform, rtol=1e-15)
  assert world_files.path_of(image).name == 'a.pgw'


@pytest.mark.parametrize(
  ('text', 'words'),
  [
    ('', 'is no world file'),
    ('1\n2\n3\n', 'is no world file'),
    ('a b c d e f', 'is no world file'),
    (TEXT + '7\n', 'is no world file'),
    ('\xff' * 9000, 'is no world file'),
    ('nan 0 0 -1 0 0', 'are no place on a map'),
    ('1 0 0 0 5 5', 'span an area'),
  ],
)
def test_damaged_ones_are_named(image, text, words):
  image.with_suffix('.pgw').write_text(text)
  with pytest.raises(InputError, match=rf'a\.pgw: .*{words}') as caught:
    open_image.open_image(image)
  assert '\n' not in str(caught.value)


def test_pixels_with_a_place_are_not_turned(image):
  from PIL import Image

  exif = Image.Exif()
  exif[0x0112] = 6
  with Image.open(image) as opened:
    opened.save(image, exif=exif)
  assert open_image.open_image(image).size == (4, 6)
  world_files.write(image, PLACE)
  assert open_image.open_image(image).size == (6, 4)
