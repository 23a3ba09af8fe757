"""Zip files, whole and damaged."""

import pickle
import zipfile

import official_sets
import pytest

from magnet_jax.datasets import archives
from magnet_jax.types import InputError


@pytest.fixture
def path(tmp_path):
  path = tmp_path / 'set.zip'
  members = {'a/b.png': official_sets.picture(0, (64, 64)), 'c.txt': b'words'}
  official_sets.write_zip(path, members)
  return path


def test_members_are_read_in_place(path):
  archive = archives.Archive(path)
  assert archive.names == ('a/b.png', 'c.txt')
  assert archive.read('c.txt') == b'words'
  copy = pickle.loads(pickle.dumps(archive))
  assert copy.read('a/b.png') == official_sets.picture(0, (64, 64))
  assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize('kept', [0.3, 0.99])
def test_a_truncated_zip(path, kept):
  data = path.read_bytes()
  path.write_bytes(data[: int(kept * len(data))])
  with pytest.raises(InputError, match=r'set\.zip: not a complete zip .*again'):
    archives.Archive(path)


def test_no_zip_at_all(path):
  path.write_bytes(b'<html>please log in</html>')
  with pytest.raises(InputError, match='not a complete zip'):
    archives.Archive(path)
  path.unlink()
  with pytest.raises(InputError, match='no such file'):
    archives.Archive(path)


def test_a_damaged_member(path):
  data = bytearray(path.read_bytes())
  data[300:340] = bytes(40)
  path.write_bytes(data)
  with pytest.raises(InputError, match=r'b\.png cannot be read .* damaged'):
    archives.Archive(path).read('a/b.png')


def test_a_member_that_unpacks_to_more_than_an_image(path, monkeypatch):
  with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as packed:
    packed.writestr('bomb.png', bytes(2**20))
  monkeypatch.setattr(archives, '_MOST', 2**20 - 1)
  with pytest.raises(InputError, match=r'bomb\.png would unpack to 1048576'):
    archives.Archive(path).read('bomb.png')
