import os
import pathlib
import struct
import zipfile

import full_disk
import pytest

from magnet_jax.files import atomic
from magnet_jax.rasters.zip_members import Member
from magnet_jax.types import InputError

BODY = bytes(range(256)) * 5000


class Silent:
  def begins(self, name, size):
    self.begun = name, size

  def done(self, size):
    pass

  def ends(self):
    pass


@pytest.fixture(name='folder')
def make_folder(tmp_path, monkeypatch):
  """A current folder with a.zip."""
  monkeypatch.chdir(tmp_path)
  with zipfile.ZipFile('a.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('in/b.c.tif', BODY)
    archive.writestr('in/b.c.tfw', '1\n0\n0\n-1\n5\n6\n')
    archive.writestr('in/b.c.wld', bytes(5000))  # too large for a world file
    archive.writestr('stored.tif', BODY, zipfile.ZIP_STORED)
    archive.writestr('bz.tif', BODY, zipfile.ZIP_BZIP2)
    archive.writestr('../out.tif', BODY)
  return tmp_path


def fetch(text, path='o/x/b.tif'):
  return Member.parse(text).fetch(pathlib.Path(path), Silent())


@pytest.mark.usefixtures('folder')
def test_a_member_is_unpacked_once():
  path = pathlib.Path('o', 'x', 'b.tif')
  assert fetch('/vsizip/a.zip/in/b.c.tif')
  assert path.read_bytes() == BODY
  assert path.with_suffix('.tfw').read_text().startswith('1\n')
  assert len([*path.parent.iterdir()]) == 2
  changed = path.stat().st_mtime_ns
  assert not fetch('/vsizip/a.zip/in/b.c.tif')
  assert path.stat().st_mtime_ns == changed
  path.write_bytes(BODY[::-1])  # of the same length
  assert fetch('/vsizip/a.zip/in/b.c.tif')
  assert path.read_bytes() == BODY


def test_how_a_member_is_named(folder):
  found = Member.parse('/vsizip/a.zip/in/b.c.tif')
  assert found == Member(pathlib.Path('a.zip'), 'in/b.c.tif')
  assert str(found) == '/vsizip/a.zip/in/b.c.tif'
  whole, *names = found.place
  assert whole == f'{folder}/a.zip\0in/b.c.tif'
  assert names == ['in', 'b.c.tif']
  absolute = Member.parse(f'/vsizip/{folder}/a.zip/stored.tif')
  assert absolute == Member(folder / 'a.zip', 'stored.tif')
  assert absolute.place[1:] == ('a', 'stored.tif')
  (folder / 'd.zip').mkdir()
  os.link('a.zip', folder / 'd.zip' / 'e.kmz')
  assert Member.parse('/vsizip/d.zip/e.kmz/f').archive.name == 'e.kmz'


@pytest.mark.usefixtures('folder')
def test_a_name_that_leads_out_is_only_read():
  assert fetch('/vsizip/a.zip/../out.tif')
  assert not pathlib.Path('o', 'out.tif').exists()


@pytest.mark.usefixtures('folder')
@pytest.mark.parametrize(
  ('text', 'words'),
  [
    ('/vsizip/b.zip/c.tif', 'b.zip is no file; name a zip file and'),
    ('/vsizip/b/c.tif', 'b/c.tif is no file; name a zip file and'),
    ('/vsizip/', 'is no file; name'),
    ('/vsizip//vsicurl/http://a.org/b.zip/c.tif', 'b.zip is no file; name'),
    ('/vsizip/a.zip/b.tif', r'not in the zip file, which holds in/b.c.tif .*…'),
    ('/vsizip/a.zip', 'is not in the zip file'),
    ('/vsizip/a.zip/bz.tif', 'is packed by method 12, must be stored or'),
  ],
)
def test_what_is_no_member(text, words):
  with pytest.raises(InputError, match=words):
    fetch(text)
  assert not pathlib.Path('o').exists() or not [*pathlib.Path('o').rglob('*.*')]


def _directory(data, at, kind, value):
  """Changes a number of the first member in the list at the end."""
  start = data.index(b'PK\1\2')
  size = struct.calcsize(kind)
  return (
    data[: start + at] + struct.pack(kind, value) + data[start + at + size :]
  )


@pytest.mark.parametrize(
  ('change', 'words'),
  [
    (lambda data: data[:5000], 'is not a complete zip file'),
    (lambda data: b'PK' + bytes(500), 'is not a complete zip file'),
    (lambda data: _directory(data, 8, '<H', 1), 'is encrypted; unpack it'),
    (lambda data: _directory(data, 16, '<I', 1), 'cannot be unpacked.*CRC'),
    (lambda data: _directory(data, 24, '<I', 999), 'cannot be unpacked.*CRC'),
    (
      lambda data: _directory(data, 24, '<I', len(BODY) + 1),
      f'it has {len(BODY)} bytes and not the {len(BODY) + 1}|CRC',
    ),
    (lambda data: _directory(data, 42, '<I', 9), 'cannot be unpacked'),
    (lambda data: data[:60] + b'\xff' * 40 + data[100:], 'cannot be unpacked'),
  ],
)
def test_damaged_members(folder, change, words):
  file = folder / 'a.zip'
  file.write_bytes(change(file.read_bytes()))
  with pytest.raises(InputError, match=words) as caught:
    fetch('/vsizip/a.zip/in/b.c.tif')
  assert 'a.zip' in str(caught.value)
  assert not [*folder.rglob('o/**/*.tif')]


@pytest.mark.usefixtures('folder')
def test_a_disk_too_small(monkeypatch):
  with (
    full_disk.after(100_000),
    pytest.raises(InputError, match='cannot be written, File too large'),
  ):
    fetch('/vsizip/a.zip/stored.tif')
  monkeypatch.setattr(
    atomic.shutil, 'disk_usage', lambda _: type('', (), {'free': 1000})
  )
  with pytest.raises(InputError, match='1 MB are needed and 0 MB free'):
    fetch('/vsizip/a.zip/stored.tif')
  assert not [*pathlib.Path('o', 'x').iterdir()]
