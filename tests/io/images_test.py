"""Every kind of image file, good and bad."""

import io
import logging
import struct
import threading
import warnings
import zlib

import numpy as np
from PIL import Image, ImageOps
import pytest

from magnet_jax.io import images
from magnet_jax.types import ClassTable, InputError

CLASSES = ClassTable(
  names=('soil', 'weed', 'carrot'),
  colours=((120, 80, 40), (200, 30, 30), (30, 160, 60)),
)


def _pixels(shape=(11, 7, 3), seed=0):
  return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def _save(path, array, **settings):
  image = array if isinstance(array, Image.Image) else Image.fromarray(array)
  image.save(path, **settings)
  return path


def _chunk(kind, data):
  crc = zlib.crc32(kind + data)
  return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', crc)


def _png_header(width, height):
  header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
  return b'\x89PNG\r\n\x1a\n' + _chunk(b'IHDR', header)


def _huge(width, height):
  """A PNG of 100 bytes that claims any size."""
  data = _chunk(b'IDAT', zlib.compress(bytes(10))) + _chunk(b'IEND', b'')
  return _png_header(width, height) + data


def _encoded(kind, **settings):
  stream = io.BytesIO()
  Image.fromarray(_pixels((64, 80, 3))).save(stream, kind, **settings)
  return stream.getvalue()


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.tiff'])
def test_rgb_is_exact(tmp_path, suffix):
  pixels = _pixels()
  path = _save(tmp_path / f'a{suffix}', pixels)
  np.testing.assert_array_equal(images.read_image(path), pixels)
  assert images.read_size(path) == (11, 7)


def test_jpeg_is_close(tmp_path):
  pixels = np.full((16, 24, 3), (200, 100, 50), np.uint8)
  read = images.read_image(_save(tmp_path / 'a.jpg', pixels, quality=95))
  assert read.dtype == np.uint8
  assert np.abs(read.astype(int) - pixels).max() <= 3


@pytest.mark.parametrize('mode', ['L', '1', 'P', 'LA', 'RGBA'])
@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_other_modes_give_their_colours(tmp_path, mode, suffix):
  source = Image.fromarray(_pixels((11, 7, 3)))
  if mode in ('L', '1', 'LA'):
    gray = source.convert('L')
    image = gray.convert(mode)
    if mode == 'LA':
      image.putalpha(Image.fromarray(_pixels((11, 7), seed=1)))
    expected = np.asarray(gray.convert(mode if mode == '1' else 'L'))
    expected = np.repeat(
      (expected.astype(np.uint8) * (255 if mode == '1' else 1))[..., None],
      3, axis=-1,
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
  path = _save(tmp_path / f'a{suffix}', image)
  np.testing.assert_array_equal(images.read_image(path), expected)


def test_transparent_palette_and_gray_do_not_warn(tmp_path):
  palette = Image.fromarray(_pixels()).quantize(8)
  expected = np.asarray(palette.convert('RGB'))
  path = _save(tmp_path / 'p.png', palette, transparency=bytes(range(8)))
  np.testing.assert_array_equal(images.read_image(path), expected)
  gray = _pixels((5, 6))
  path = _save(tmp_path / 'l.png', gray, transparency=3)
  np.testing.assert_array_equal(images.read_image(path)[..., 1], gray)


@pytest.mark.parametrize('suffix', ['.jpg', '.tif'])
def test_cmyk(tmp_path, suffix):
  rgb = np.full((16, 16, 3), (10, 200, 90), np.uint8)
  image = Image.fromarray(rgb).convert('CMYK')
  read = images.read_image(_save(tmp_path / f'a{suffix}', image))
  assert np.abs(read.astype(int) - rgb).max() <= 4


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_16_bit_gray_is_scaled_by_the_range_of_its_type(tmp_path, suffix):
  values = np.array([[0, 255, 256, 4095], [32768, 40000, 65279, 65535]])
  path = _save(tmp_path / f'a{suffix}', values.astype(np.uint16))
  expected = [[0, 0, 1, 15], [128, 156, 254, 255]]
  for channel in range(3):
    np.testing.assert_array_equal(
      images.read_image(path)[..., channel], expected
    )


def test_16_bit_big_endian_tiff(tmp_path):
  values = np.array([[1, 65535, 256]], np.uint16)
  image = Image.frombytes('I;16B', (3, 1), values.byteswap().tobytes())
  path = _save(tmp_path / 'a.tif', image)
  np.testing.assert_array_equal(images.read_image(path)[..., 0], [[0, 255, 1]])


def test_16_bit_rgb_follows_the_same_rule(tmp_path):
  values = np.array([[[0, 255, 256], [4095, 32768, 65535]]], '>u2')
  rows = b''.join(b'\0' + row.tobytes() for row in values)
  header = struct.pack('>IIBBBBB', 2, 1, 16, 2, 0, 0, 0)
  path = tmp_path / 'a.png'
  path.write_bytes(
    b'\x89PNG\r\n\x1a\n' + _chunk(b'IHDR', header)
    + _chunk(b'IDAT', zlib.compress(rows)) + _chunk(b'IEND', b'')
  )
  np.testing.assert_array_equal(
    images.read_image(path), [[[0, 0, 1], [15, 128, 255]]]
  )


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.tif'])
def test_exif_orientation(tmp_path, suffix, orientation):
  path = tmp_path / f'a{suffix}'
  image = Image.fromarray(_pixels((24, 40, 3)))
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
  Image.fromarray(_pixels((24, 40, 3))).save(path, exif=exif)
  assert images.read_size(path) == images.read_image(path).shape[:2] == (24, 40)


def test_size_of_a_png_is_read_without_its_pixels(tmp_path):
  path = tmp_path / 'a.png'
  path.write_bytes(_png_header(123, 45) + _chunk(b'IDAT', b'garbage'))
  assert images.read_size(path) == (45, 123)


_BAD = {
  'zero bytes': ('a.jpg', b'', 'is empty'),
  'text': ('a.jpg', b'not an image at all, just words', 'is not a JPEG'),
  'gif': ('a.gif', _encoded('GIF'), 'is not a JPEG'),
  'gif as jpg': ('a.jpg', _encoded('GIF'), 'is not a JPEG'),
  'truncated jpg': ('a.jpg', _encoded('JPEG')[:900], 'truncated'),
  'truncated png': ('a.png', _encoded('PNG')[:900], 'truncated'),
  'truncated tif': ('a.tif', _encoded('TIFF')[:900], 'be read|decoded'),
  'truncated lzw': (
    'a.tif', _encoded('TIFF', compression='tiff_lzw')[:-900],
    'be read|decoded',
  ),
  'jpg header only': ('a.jpg', _encoded('JPEG')[:20], 'be read|decoded'),
  'png signature only': ('a.png', _encoded('PNG')[:8], 'be read|decoded'),
  'damaged png': (
    'a.png', _encoded('PNG')[:200] + bytes(50) + _encoded('PNG')[250:],
    'decoded',
  ),
  'huge header': ('a.png', _huge(60000, 60000), '60000 x 60000 .*max_pixels'),
  'huge side': ('a.png', _huge(2**31 - 1, 3), 'max_pixels|be read'),
}


@pytest.mark.parametrize('kind', _BAD)
def test_bad_files(tmp_path, kind):
  name, data, expected = _BAD[kind]
  path = tmp_path / name
  path.write_bytes(data)
  with pytest.raises(InputError, match=expected) as caught:
    images.read_image(path)
  assert str(path) in str(caught.value)
  assert '\n' not in str(caught.value)
  with pytest.raises(InputError):
    images.read_label(path, CLASSES)


def test_what_pillow_logs_is_not_printed(tmp_path, monkeypatch, capsys):
  three, seven = (struct.pack('<HHIHH', 277, 3, 1, n, 0) for n in (3, 7))
  path = tmp_path / 'a.tif'
  path.write_bytes(_encoded('TIFF').replace(three, seven))
  monkeypatch.setattr(logging.getLogger(), 'handlers', [])  # those of pytest
  with pytest.raises(InputError, match='is not a JPEG, PNG or TIFF'):
    images.read_image(path)
  assert capsys.readouterr().err == ''


def test_missing_and_folder(tmp_path):
  for read in (images.read_image, images.read_size):
    with pytest.raises(InputError, match='no such file'):
      read(tmp_path / 'none.png')
    with pytest.raises(InputError, match='is a folder'):
      read(tmp_path)
    with pytest.raises(InputError, match='not a regular file'):
      read('/dev/zero')
    with pytest.raises(InputError, match='cannot be read, File name too long'):
      read(tmp_path / ('a' * 400))


def test_indices_below_0_are_ignored(tmp_path):
  stored = np.array([[-1, 0], [1, -9999]], np.int32)
  path = _save(tmp_path / 'a.tif', Image.fromarray(stored))
  label = images.read_label(path, CLASSES)
  assert label.dtype == np.uint8
  assert label.tolist() == [[255, 0], [1, 255]]


@pytest.mark.parametrize('kind', ['I', 'F'])
def test_32_bit_pixels_are_refused(tmp_path, kind):
  image = Image.new(kind, (4, 4))
  with pytest.raises(InputError, match=r'a\.tif.*32-bit.*convert'):
    images.read_image(_save(tmp_path / 'a.tif', image))


def test_pixel_limit_can_be_raised_and_pillow_keeps_its_own(tmp_path):
  path = _save(tmp_path / 'a.png', _pixels())
  with pytest.raises(InputError, match='limit of 76'):
    images.read_image(path, max_pixels=76)
  assert images.read_image(path, max_pixels=77).shape == (11, 7, 3)
  limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, 10
  try:
    images.read_image(path)  # Pillow alone would refuse more than 2 x 10
    images.read_image(_save(tmp_path / 'a.tif', _pixels()))
    assert Image.MAX_IMAGE_PIXELS == 10
  finally:
    Image.MAX_IMAGE_PIXELS = limit


def test_threads_leave_pillow_and_the_warnings_as_they_were(tmp_path):
  path = _save(tmp_path / 'a.png', _pixels((200, 200, 3)))
  limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
  threads = [
    threading.Thread(target=lambda: [images.read_image(path) for _ in '12'])
    for _ in range(8)
  ]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert limit == Image.MAX_IMAGE_PIXELS
  assert list(warnings.filters) == filters


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
@pytest.mark.parametrize('mode', ['L', 'P'])
def test_label_indices(tmp_path, mode, suffix):
  label = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)
  image = Image.fromarray(label)
  if mode == 'P':
    # A palette that says nothing of the indices.
    image.putpalette(_pixels((768,)).tobytes())
  read = images.read_label(_save(tmp_path / f'a{suffix}', image), CLASSES)
  assert read.dtype == np.uint8
  np.testing.assert_array_equal(read, label)


def test_two_valued_and_16_bit_labels(tmp_path):
  label = np.array([[0, 1], [1, 0]], np.uint8)
  for name, image in {
    'bit': Image.fromarray(label * 255).convert('1'),
    'short': Image.fromarray(label.astype(np.uint16)),
  }.items():
    path = _save(tmp_path / f'{name}.png', image)
    np.testing.assert_array_equal(images.read_label(path, CLASSES), label)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_label_out_of_range(tmp_path, dtype):
  label = np.array([[0, 1], [2, 3]], dtype)
  path = _save(tmp_path / 'a.png', label)
  with pytest.raises(
    InputError, match=r'a\.png: label 3 at row 1, column 1.*below 3 or 255'
  ):
    images.read_label(path, CLASSES)


def test_label_256_does_not_wrap(tmp_path):
  path = _save(tmp_path / 'a.png', np.array([[256]], np.uint16))
  with pytest.raises(InputError, match='label 256'):
    images.read_label(path, CLASSES)


def test_label_of_colours(tmp_path):
  label = np.array([[0, 1, 2], [2, 255, 1]], np.uint8)
  colours = CLASSES.palette[label]
  path = _save(tmp_path / 'a.png', colours)
  read = images.read_label(path, CLASSES, colours=True)
  np.testing.assert_array_equal(read, label)
  with pytest.raises(InputError, match=r'kind RGB.*set colours'):
    images.read_label(path, CLASSES)


def test_unknown_colour_is_named_with_its_position(tmp_path):
  colours = CLASSES.palette[np.zeros((4, 5), np.uint8)]
  colours[2, 3] = (1, 2, 3)
  path = _save(tmp_path / 'a.png', colours)
  with pytest.raises(
    InputError,
    match=r'a\.png: holds a colour of no class, first at row 2, column 3: '
    r'\(1, 2, 3\) in 1 pixel;',
  ):
    images.read_label(path, CLASSES, colours=True)


def test_write_label_round_trip_by_index_and_by_colour(tmp_path):
  label = np.array([[0, 1, 2], [2, 255, 1]], np.uint8)
  path = tmp_path / 'a.png'
  images.write_label(path, label, CLASSES)
  for colours in (False, True):
    np.testing.assert_array_equal(
      images.read_label(path, CLASSES, colours=colours), label
    )
  np.testing.assert_array_equal(
    images.read_image(path), CLASSES.palette[label]
  )
  with pytest.raises(InputError, match=r'\.jpg'):
    images.write_label(tmp_path / 'a.jpg', label, CLASSES)


@pytest.mark.parametrize('shape', [(9, 5, 3), (9, 5), (1, 1, 3)])
def test_write_image(tmp_path, shape):
  pixels = _pixels(shape)
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
