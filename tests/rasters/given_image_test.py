"""Images in the forms that people have them in."""

import io

import jax.numpy as jnp
import numpy as np
from PIL import Image
import pytest

from magnet_jax.files import images
from magnet_jax.rasters import given_image
from magnet_jax.types import InputError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (8, 12, 3), np.uint8)
GREY = PIXELS[..., 0]


def _same(given, wanted):
  found = given_image.as_raster(given)
  np.testing.assert_array_equal(found.pixels, wanted)
  assert found.pixels.dtype == np.uint8 and found.mask is None


@pytest.mark.parametrize('kind', [np.asarray, jnp.asarray, Image.fromarray])
def test_colours_and_grey(kind):
  _same(kind(PIXELS), PIXELS)
  _same(kind(GREY), np.stack([GREY] * 3, axis=-1))


def test_a_single_channel():
  _same(GREY[..., None], np.stack([GREY] * 3, axis=-1))


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16', 'float32', 'float64'])
def test_shares_of_one(dtype):
  ends = np.array([[0.0, 0.25, 1.0]]).astype(jnp.dtype(dtype))
  _same(ends, [[[0] * 3, [64] * 3, [255] * 3]])
  # Only a type with enough digits brings every colour back.
  if dtype in ('float32', 'float64'):
    _same((PIXELS / 255).astype(dtype), PIXELS)


def test_what_an_array_can_be_made_of():
  """Such as a tensor of PyTorch."""

  class Tensor:
    def __array__(self, dtype=None, copy=None):
      return PIXELS

  _same(Tensor(), PIXELS)


def test_files(tmp_path):
  images.write_image(tmp_path / 'a.png', PIXELS)
  _same(tmp_path / 'a.png', PIXELS)
  _same(str(tmp_path / 'a.png'), PIXELS)
  found = given_image.read_image(tmp_path / 'a.png')
  np.testing.assert_array_equal(found, PIXELS)
  found = given_image.read_image(tmp_path / 'a.png', bands=(3, 2, 1))
  np.testing.assert_array_equal(found, PIXELS[..., ::-1])


def test_pillow_is_turned_upright_and_left_as_it_is():
  exif = Image.Exif()
  exif[0x0112] = 6
  file = io.BytesIO()
  Image.fromarray(PIXELS).save(file, 'PNG', exif=exif)
  image = Image.open(file)
  _same(image, np.rot90(PIXELS, -1))
  assert image.size == (12, 8)


@pytest.mark.parametrize('mode', ['RGBA', 'LA', 'P'])
def test_transparent_pixels_have_no_data(mode):
  image = Image.fromarray(PIXELS)
  mask = np.ones((8, 12), bool)
  mask[:3] = False
  alpha = Image.fromarray(mask.astype(np.uint8) * 255)
  if mode == 'P':
    image = Image.fromarray((~mask).astype(np.uint8), 'L').convert('P')
    image.putpalette([9, 9, 9, 7, 7, 7])
    image.info['transparency'] = 1
  else:
    image.putalpha(alpha)
    image = image.convert(mode)
  found = given_image.as_raster(image)
  np.testing.assert_array_equal(found.mask, mask)
  assert not found.pixels[~mask].any() and found.pixels[mask].any()
  assert mode != 'P' or image.info['transparency'] == 1


@pytest.mark.parametrize(
  ('given', 'words'),
  [
    ([[1, 2]], 'type list: must be a path, an image of Pillow, or an array'),
    (None, 'type NoneType: must be'),
    (np.zeros((3, 8, 9)), r'\(3, 8, 9\): must.*np.moveaxis\(image, 0, -1\)'),
    (np.zeros((8, 9, 4), np.uint8), r'\(8, 9, 4\): must.*image\[..., :3\]'),
    (np.zeros((2, 8, 9, 3)), 'give several to segment_all'),
    (np.zeros(5), r'\(5,\): must.*two or three dimensions'),
    (np.zeros((0, 9, 3)), r'\(0, 9, 3\).*no pixels'),
    (np.zeros((8, 9), np.uint16), 'image of uint16: must be uint8.*astype'),
    (np.zeros((8, 9), bool), 'image of bool: must be uint8'),
    (np.array([['a']]), 'image of <U1: must be uint8'),
    (PIXELS / 2.0, r'float64 from 0 to 127\.5: .*0\.\.1; divide'),
    (jnp.full((8, 9), -0.5), r'float32 from -0\.5 to -0\.5'),
    (np.full((8, 9), np.nan), 'from nan to nan: .*finite'),
    (Image.new('F', (9, 8)), 'image of Pillow: has 32-bit pixels'),
    ('no/such.png', 'no/such.png: no such file'),
  ],
)
def test_what_is_refused(given, words):
  with pytest.raises(InputError, match=words) as caught:
    given_image.as_raster(given)
  assert '\n' not in str(caught.value)


def test_a_cut_off_file_of_pillow(tmp_path):
  path = tmp_path / 'a.png'
  images.write_image(path, PIXELS)
  path.write_bytes(path.read_bytes()[:-60])
  with (
    Image.open(path) as image,
    pytest.raises(InputError, match=r'a\.png: cannot be decoded'),
  ):
    given_image.as_raster(image)
