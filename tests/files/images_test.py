"""Images of every kind of file come as 8-bit RGB, upright."""

import zlib

import numpy as np
from picture_files import noise, png, save
from PIL import Image, ImageOps
import pytest

from magnet_jax.files import decoding, images
from magnet_jax.types import InputError


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.tiff'])
def test_rgb_is_exact(tmp_path, suffix):
  pixels = noise()
  path = save(tmp_path / f'a{suffix}', pixels)
  np.testing.assert_array_equal(images.read_image(path), pixels)
  assert images.read_size(path) == (11, 7)


def test_jpeg_is_close(tmp_path):
  pixels = np.full((16, 24, 3), (200, 100, 50), np.uint8)
  read = images.read_image(save(tmp_path / 'a.jpg', pixels, quality=95))
  assert read.dtype == np.uint8
  assert np.abs(read.astype(int) - pixels).max() <= 3


@pytest.mark.parametrize('mode', ['L', '1', 'P', 'LA', 'RGBA'])
@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_other_modes_give_their_colours(tmp_path, mode, suffix):
  source = Image.fromarray(noise((11, 7, 3)))
  if mode in ('L', '1', 'LA'):
    gray = source.convert('L')
    image = gray.convert(mode)
    if mode == 'LA':
      image.putalpha(Image.fromarray(noise((11, 7), seed=1)))
    expected = np.asarray(gray.convert(mode if mode == '1' else 'L'))
    expected = np.repeat(
      (expected.astype(np.uint8) * (255 if mode == '1' else 1))[..., None],
      3,
      axis=-1,
    )
  elif mode == 'P':
    image = source.quantize(16)
    expected = np.asarray(image.convert('RGB'))
  else:
    # Fully transparent pixels keep their colours as well.
    expected = np.asarray(source)
    alpha = np.zeros((11, 7, 1), np.uint8)
    image = Image.fromarray(np.concatenate([expected, alpha], -1))
  if mode == 'LA' and suffix == '.tif':
    image = image.convert('RGBA')
  path = save(tmp_path / f'a{suffix}', image)
  np.testing.assert_array_equal(images.read_image(path), expected)


def test_transparent_palette_and_gray_do_not_warn(tmp_path):
  palette = Image.fromarray(noise()).quantize(8)
  expected = np.asarray(palette.convert('RGB'))
  path = save(tmp_path / 'p.png', palette, transparency=bytes(range(8)))
  np.testing.assert_array_equal(images.read_image(path), expected)
  gray = noise((5, 6))
  path = save(tmp_path / 'l.png', gray, transparency=3)
  np.testing.assert_array_equal(images.read_image(path)[..., 1], gray)


@pytest.mark.parametrize('suffix', ['.jpg', '.tif'])
def test_cmyk(tmp_path, suffix):
  rgb = np.full((16, 16, 3), (10, 200, 90), np.uint8)
  image = Image.fromarray(rgb).convert('CMYK')
  read = images.read_image(save(tmp_path / f'a{suffix}', image))
  assert np.abs(read.astype(int) - rgb).max() <= 4


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_16_bit_gray_is_scaled_by_the_range_of_its_type(tmp_path, suffix):
  values = np.array([[0, 255, 256, 4095], [32768, 40000, 65279, 65535]])
  path = save(tmp_path / f'a{suffix}', values.astype(np.uint16))
  expected = [[0, 0, 1, 15], [128, 156, 254, 255]]
  for channel in range(3):
    np.testing.assert_array_equal(
      images.read_image(path)[..., channel], expected
    )


def test_16_bit_big_endian_tiff(tmp_path):
  values = np.array([[1, 65535, 256]], np.uint16)
  image = Image.frombytes('I;16B', (3, 1), values.byteswap().tobytes())
  path = save(tmp_path / 'a.tif', image)
  np.testing.assert_array_equal(images.read_image(path)[..., 0], [[0, 255, 1]])


def test_16_bit_rgb_follows_the_same_rule(tmp_path):
  values = np.array([[[0, 255, 256], [4095, 32768, 65535]]], '>u2')
  rows = b''.join(b'\0' + row.tobytes() for row in values)
  path = tmp_path / 'a.png'
  path.write_bytes(png(2, 1, zlib.compress(rows), bits=16))
  np.testing.assert_array_equal(
    images.read_image(path), [[[0, 0, 1], [15, 128, 255]]]
  )


@pytest.mark.parametrize('kind', ['I', 'F'])
def test_32_bit_pixels_are_refused(tmp_path, kind):
  image = Image.new(kind, (4, 4))
  with pytest.raises(InputError, match=r'a\.tif.*32-bit.*convert'):
    images.read_image(save(tmp_path / 'a.tif', image))
  content = decoding.Encoded('zip/a.tif', (tmp_path / 'a.tif').read_bytes())
  with pytest.raises(InputError, match=r'zip/a\.tif.*32-bit'):
    images.read_image(content)


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.tif'])
def test_exif_orientation(tmp_path, suffix, orientation):
  path = tmp_path / f'a{suffix}'
  image = Image.fromarray(noise((24, 40, 3)))
  exif = Image.Exif()
  exif[274] = orientation
  image.save(path, exif=exif)
  plain = tmp_path / f'plain{suffix}'
  image.save(plain)
  # Pillow's own transposition of the same pixels is the reference.
  reference = Image.open(plain)
  reference.getexif()[274] = orientation
  expected = np.asarray(ImageOps.exif_transpose(reference))
  read = images.read_image(path)
  np.testing.assert_array_equal(read, expected)
  assert images.read_size(path) == read.shape[:2]
  assert read.shape[0] == (40 if orientation >= 5 else 24)


@pytest.mark.parametrize('orientation', [0, 9, 99])
def test_an_orientation_that_is_none_turns_nothing(tmp_path, orientation):
  path = tmp_path / 'a.jpg'
  exif = Image.Exif()
  exif[274] = orientation
  Image.fromarray(noise((24, 40, 3))).save(path, exif=exif)
  assert images.read_size(path) == images.read_image(path).shape[:2] == (24, 40)


def test_size_of_a_png_is_read_without_its_pixels(tmp_path):
  path = tmp_path / 'a.png'
  path.write_bytes(png(123, 45, b'garbage'))
  assert images.read_size(path) == (45, 123)


@pytest.mark.parametrize('shape', [(9, 5, 3), (9, 5), (1, 1, 3)])
def test_write_image(tmp_path, shape):
  pixels = noise(shape)
  images.write_image(tmp_path / 'a.PNG', pixels)
  read = images.read_image(tmp_path / 'a.PNG')
  np.testing.assert_array_equal(
    read, pixels if len(shape) == 3 else np.stack([pixels] * 3, -1)
  )
  images.write_image(tmp_path / 'a.jpg', pixels)
  assert images.read_size(tmp_path / 'a.jpg') == shape[:2]
  with pytest.raises(InputError, match='no suffix'):
    images.write_image(tmp_path / 'a', pixels)
  with pytest.raises(InputError, match='create the folder'):
    images.write_image(tmp_path / 'none' / 'a.png', pixels)


def test_images_too_long_for_a_jpeg_are_thinned(tmp_path):
  for suffix, size in (('png', (70000, 3)), ('jpg', (35000, 2))):
    path = tmp_path / f'a.{suffix}'
    images.write_image(path, np.zeros((70000, 3, 3), np.uint8))
    assert images.read_size(path) == size
