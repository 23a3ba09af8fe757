"""Offsets on disk, and files that hold something else."""

import numpy as np
from PIL import Image
import pytest

from magnet_jax.files import images, offset_files
from magnet_jax.ops import offsets
from magnet_jax.scenes import generator
from magnet_jax.types import InputError


@pytest.fixture(name='codes')
def make_codes():
  rng = np.random.default_rng(0)
  return rng.integers(0, offsets.CODES, (5, 7)).astype(np.uint8)


@pytest.fixture(name='file')
def write_file(codes, tmp_path):
  offset_files.write(tmp_path / 'offsets.png', codes)
  return tmp_path / 'offsets.png'


def test_there_and_back(codes, file):
  found = offset_files.read(file, 'a.jpg', (5, 7))
  np.testing.assert_array_equal(found, codes)
  assert [path.name for path in file.parent.iterdir()] == ['offsets.png']


def test_a_viewer_shows_directions_as_colours(codes, file):
  shown = images.read_image(file)
  assert len(np.unique(shown.reshape(-1, 3), axis=0)) == len(np.unique(codes))
  assert not shown[codes == 0].any()


def test_other_files_are_refused_in_one_line(codes, file, tmp_path):
  def refused(path, size=(5, 7)):
    with pytest.raises(InputError) as caught:
      offset_files.read(path, 'a.jpg', size)
    assert '\n' not in str(caught.value)
    return str(caught.value)

  message = refused(file, (7, 5))
  assert 'offsets of 5 x 7 (height x width) for a.jpg of 7 x 5' in message
  label = tmp_path / 'label.png'
  images.write_label(label, codes % 7, generator.CLASSES)
  assert 'label.png: holds no offsets' in refused(label)
  Image.fromarray(codes).save(tmp_path / 'grey.png')
  assert 'holds no offsets' in refused(tmp_path / 'grey.png')
  codes[2, 3] = 9
  offset_files.write(file, codes)
  assert 'holds the code 9: must be at most 8' in refused(file)
  file.write_bytes(file.read_bytes()[:-30])
  assert 'cannot be decoded' in refused(file)
  assert 'no such file' in refused(tmp_path / 'none.png')


def test_the_name_must_say_png(codes, tmp_path):
  with pytest.raises(InputError, match='name a file that ends'):
    offset_files.write(tmp_path / 'offsets.npz', codes)
