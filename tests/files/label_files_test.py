"""Label files by index and by colour, and values that they must not contain."""

import numpy as np
from picture_files import CLASSES, noise, save
from PIL import Image
import pytest

from magnet_jax.files import images
from magnet_jax.types import InputError


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
@pytest.mark.parametrize('mode', ['L', 'P'])
def test_label_indices(tmp_path, mode, suffix):
  label = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)
  image = Image.fromarray(label)
  if mode == 'P':
    # A palette that says nothing of the indices.
    image.putpalette(noise((768,)).tobytes())
  read = images.read_label(save(tmp_path / f'a{suffix}', image), CLASSES)
  assert read.dtype == np.uint8
  np.testing.assert_array_equal(read, label)


def test_two_valued_and_16_bit_labels(tmp_path):
  label = np.array([[0, 1], [1, 0]], np.uint8)
  for name, image in {
    'bit': Image.fromarray(label * 255).convert('1'),
    'short': Image.fromarray(label.astype(np.uint16)),
  }.items():
    path = save(tmp_path / f'{name}.png', image)
    np.testing.assert_array_equal(images.read_label(path, CLASSES), label)


def test_signed_bytes_below_0_are_ignored(tmp_path):
  signed = np.array([[0, 1, -1], [2, -2, -128]], np.int8)
  path = tmp_path / 'a.tif'
  # 339 is the sample format, 2 stands for signed integers.
  Image.fromarray(signed.view(np.uint8)).save(path, tiffinfo={339: 2})
  read = images.read_label(path, CLASSES)
  assert read.dtype == np.uint8
  assert read.tolist() == [[0, 1, 255], [2, 255, 255]]


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_label_out_of_range(tmp_path, dtype):
  label = np.array([[0, 1], [2, 3]], dtype)
  path = save(tmp_path / 'a.png', label)
  with pytest.raises(
    InputError, match=r'a\.png: label 3 at row 1, column 1.*below 3 or 255'
  ):
    images.read_label(path, CLASSES)


def test_label_256_does_not_wrap(tmp_path):
  path = save(tmp_path / 'a.png', np.array([[256]], np.uint16))
  with pytest.raises(InputError, match='label 256'):
    images.read_label(path, CLASSES)


def test_indices_below_0_are_ignored(tmp_path):
  stored = np.array([[-1, 0], [1, -9999]], np.int32)
  path = save(tmp_path / 'a.tif', Image.fromarray(stored))
  label = images.read_label(path, CLASSES)
  assert label.dtype == np.uint8
  assert label.tolist() == [[255, 0], [1, 255]]


def test_label_of_colours(tmp_path):
  label = np.array([[0, 1, 2], [2, 255, 1]], np.uint8)
  colours = CLASSES.palette[label]
  path = save(tmp_path / 'a.png', colours)
  read = images.read_label(path, CLASSES, colours=True)
  np.testing.assert_array_equal(read, label)
  with pytest.raises(InputError, match=r'kind RGB.*set data.colours'):
    images.read_label(path, CLASSES)


def test_unknown_colour_is_named_with_its_position(tmp_path):
  colours = CLASSES.palette[np.zeros((4, 5), np.uint8)]
  colours[2, 3] = (1, 2, 3)
  path = save(tmp_path / 'a.png', colours)
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
  np.testing.assert_array_equal(images.read_image(path), CLASSES.palette[label])
  with pytest.raises(InputError, match=r'\.jpg'):
    images.write_label(tmp_path / 'a.jpg', label, CLASSES)
