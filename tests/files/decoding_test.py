"""Bad files of every kind, and the state of Pillow after good ones."""

import io
import logging
import struct
import threading
import warnings
import zlib

import jax
from picture_files import CLASSES, noise, png, save
from PIL import Image
import pytest

from magnet_jax.files import decoding, host_memory, images
from magnet_jax.types import InputError


def _huge(width, height):
  """A PNG of 100 bytes that claims any size."""
  return png(width, height, zlib.compress(bytes(10)))


def _encoded(kind, **settings):
  stream = io.BytesIO()
  save(stream, noise((64, 80, 3)), format=kind, **settings)
  return stream.getvalue()


_BAD = {
  'zero bytes': ('a.jpg', b'', 'is empty'),
  'text': ('a.jpg', b'not an image at all, just words', 'is not a JPEG'),
  'gif': ('a.gif', _encoded('GIF'), 'is not a JPEG'),
  'gif as jpg': ('a.jpg', _encoded('GIF'), 'is not a JPEG'),
  'truncated jpg': ('a.jpg', _encoded('JPEG')[:900], 'truncated'),
  'truncated png': ('a.png', _encoded('PNG')[:900], 'truncated'),
  'truncated tif': ('a.tif', _encoded('TIFF')[:900], 'be read|decoded'),
  'truncated lzw': (
    'a.tif',
    _encoded('TIFF', compression='tiff_lzw')[:-900],
    'be read|decoded',
  ),
  'jpg header only': ('a.jpg', _encoded('JPEG')[:20], 'be read|decoded'),
  'png signature only': ('a.png', _encoded('PNG')[:8], 'be read|decoded'),
  'damaged png': (
    'a.png',
    _encoded('PNG')[:200] + bytes(50) + _encoded('PNG')[250:],
    'decoded',
  ),
  'huge header': ('a.png', _huge(60000, 60000), '60000 x 60000 .*the limit of'),
  'huge side': ('a.png', _huge(2**31 - 1, 3), 'the limit of|be read'),
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


def _claiming(data, at, sides):
  """An image whose header claims other sides."""
  return data[:at] + sides + data[at + len(sides) :]


@pytest.mark.parametrize(
  ('name', 'data', 'words'),
  [
    (
      'a.jpg',
      _claiming(
        _encoded('JPEG'),
        _encoded('JPEG').index(b'\xff\xc0') + 5,
        struct.pack('>HH', 32767, 32767),
      ),
      r'32767 x 32767 .* bytes can hold',
    ),
    ('a.png', _huge(30000, 30000), r'30000 x 30000 .* bytes can hold'),
  ],
)
def test_headers_that_claim_more_than_the_file_can_hold(
  tmp_path, name, data, words
):
  (tmp_path / name).write_bytes(data)
  for read in (images.read_image, images.read_size):
    with pytest.raises(InputError, match=words):
      read(tmp_path / name)


def test_a_jpeg_of_many_pictures_may_claim_no_more(tmp_path):
  stream = io.BytesIO()
  first, second = (Image.fromarray(noise((64, 80, 3))) for _ in '12')
  first.save(stream, 'MPO', save_all=True, append_images=[second])
  data = stream.getvalue()
  (tmp_path / 'a.jpg').write_bytes(data)
  assert images.read_image(tmp_path / 'a.jpg').shape == (64, 80, 3)
  sides = struct.pack('>HH', 32767, 32767)
  at = data.index(b'\xff\xc0') + 5
  (tmp_path / 'a.jpg').write_bytes(_claiming(data, at, sides))
  with pytest.raises(InputError, match='bytes can hold'):
    images.read_image(tmp_path / 'a.jpg')


def test_a_jpeg_of_thousands_of_scans(tmp_path):
  data = _encoded('JPEG', progressive=True)
  (tmp_path / 'a.jpg').write_bytes(data)
  assert images.read_image(tmp_path / 'a.jpg').shape == (64, 80, 3)
  last = data.rindex(b'\xff\xda')
  data = data[:last] + data[last:-2] * 5000 + data[-2:]
  (tmp_path / 'a.jpg').write_bytes(data)
  for file in (tmp_path / 'a.jpg', decoding.Encoded('a.jpg', data)):
    with pytest.raises(InputError, match=r'scans, at most 100 .* as a PNG'):
      images.read_image(file)


def test_images_that_do_not_fit_into_memory(tmp_path, monkeypatch):
  path = save(tmp_path / 'a.png', noise((200, 200, 3)))
  monkeypatch.setattr(host_memory, 'free', lambda: 2 * 7 * 200 * 200 - 2)
  with pytest.raises(
    InputError, match=r'a\.png: would take .* GB\); free some'
  ):
    images.read_image(path)


def test_what_pillow_logs_is_not_printed(tmp_path, monkeypatch, capsys):
  three, seven = (struct.pack('<HHIHH', 277, 3, 1, n, 0) for n in (3, 7))
  path = tmp_path / 'a.tif'
  path.write_bytes(_encoded('TIFF').replace(three, seven))
  monkeypatch.setattr(logging.getLogger(), 'handlers', [])  # those of pytest
  with pytest.raises(InputError, match='is not a JPEG, PNG or TIFF'):
    images.read_image(path)
  assert capsys.readouterr().err == ''


@pytest.mark.parametrize('compression', ['tiff_lzw', 'tiff_deflate', 'jpeg'])
def test_what_libraries_print_is_not_printed(tmp_path, capfd, compression):
  data = bytearray(_encoded('TIFF', compression=compression))
  data[8:400] = b'\xff' * 392
  (tmp_path / 'a.tif').write_bytes(data)
  with pytest.raises(InputError, match='cannot be decoded'):
    images.read_image(tmp_path / 'a.tif')
  assert capfd.readouterr().err == ''


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


def test_links_to_nothing(tmp_path):
  for name, target in (('loop.png', 'loop.png'), ('old.png', 'gone.png')):
    (tmp_path / name).symlink_to(target)
    with pytest.raises(
      InputError, match=rf'{name}: no such file, the link leads nowhere'
    ):
      images.read_image(tmp_path / name)


def test_whatever_is_raised_about_a_file_becomes_one_line():
  for error, words in (
    (
      ValueError('one\ntwo'),
      r'^a.png: cannot .* \(ValueError: one\)',
    ),
    (OSError(), r'\(OSError\); copy'),
    (MemoryError(), 'more memory than is free'),
  ):
    with pytest.raises(InputError, match=words), decoding.guarded('a.png'):
      raise error
  for error in (
    InputError('b.png: bad'),
    BrokenPipeError(),
    jax.errors.JaxRuntimeError('INTERNAL'),
    KeyboardInterrupt(),
  ):
    with pytest.raises(type(error)) as caught, decoding.guarded('a.png'):
      raise error
    assert caught.value is error


def test_pixel_limit_can_be_raised_and_pillow_keeps_its_own(tmp_path):
  path = save(tmp_path / 'a.png', noise())
  with pytest.raises(InputError, match='limit of 76'):
    images.read_image(path, max_pixels=76)
  assert images.read_image(path, max_pixels=77).shape == (11, 7, 3)
  limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, 10
  try:
    images.read_image(path)  # Pillow alone would refuse more than 2 x 10
    images.read_image(save(tmp_path / 'a.tif', noise()))
    assert Image.MAX_IMAGE_PIXELS == 10
  finally:
    Image.MAX_IMAGE_PIXELS = limit


def test_threads_leave_pillow_and_the_warnings_as_they_were(tmp_path):
  path = save(tmp_path / 'a.png', noise((200, 200, 3)))
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
