"""Lists from outside: regular files of UTF-8 text in lines of usual length."""

import os

import pytest

from magnet_jax.files import text
from magnet_jax.types import InputError


def refused(path):
  with pytest.raises(InputError) as caught:
    text.read_lines(path, 'give another list')
  assert str(caught.value).startswith(str(path))
  return str(caught.value)


def test_lines(tmp_path):
  path = tmp_path / 'list.txt'
  path.write_bytes('\ufeffa\r\né\n'.encode())
  assert text.read_lines(path, '') == ['a', 'é']
  path.write_bytes(b'')
  assert text.read_lines(path, '') == []


def test_what_is_no_list(tmp_path):
  path = tmp_path / 'list.txt'
  assert 'no such file' in refused(path)
  assert 'is a folder' in refused(tmp_path)
  path.write_bytes(b'\xff\xfe\0')
  assert 'UnicodeDecodeError' in refused(path)
  path.write_text('a\n' + 'b' * 70_000)
  assert 'line 2 has 70000 letters' in refused(path)
  with path.open('wb') as file:
    file.truncate(2**40)
  assert 'GB of memory' in refused(path)
  path.unlink()
  os.mkfifo(path)
  assert 'not a regular file' in refused(path)
