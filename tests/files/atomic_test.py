"""Files are written as a whole or not at all."""

import errno
import subprocess
import sys

import pytest

from magnet_jax.files import atomic
from magnet_jax.types import InputError

# A real failure half-way through a file: the system's limit on file sizes.
_LIMITED = """
import resource, sys
sys.dont_write_bytecode = True  # compiled modules would be cut off
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
from magnet_jax.files import atomic
from magnet_jax.types import InputError
try:
  atomic.write_bytes(sys.argv[1], bytes(5000))
except InputError as error:
  print(error)
"""


def test_writes_and_replaces(tmp_path):
  path = tmp_path / 'a.bin'
  atomic.write_bytes(path, b'one')
  atomic.write_bytes(str(path), b'two')
  assert path.read_bytes() == b'two'
  assert [p.name for p in tmp_path.iterdir()] == ['a.bin']


def test_temporary_name_is_in_the_same_folder_and_keeps_the_suffix(tmp_path):
  with atomic.replacing(tmp_path / 'a.npz') as temporary:
    assert temporary.parent == tmp_path
    assert temporary.suffix == '.npz'
    temporary.write_bytes(b'x')
    assert not (tmp_path / 'a.npz').exists()
  assert (tmp_path / 'a.npz').read_bytes() == b'x'


@pytest.mark.parametrize('error', [KeyboardInterrupt, RuntimeError])
def test_a_failed_block_leaves_the_old_file_and_nothing_else(tmp_path, error):
  path = tmp_path / 'a.bin'
  path.write_bytes(b'old')
  with pytest.raises(error), atomic.replacing(path) as temporary:
    temporary.write_bytes(b'half')
    raise error
  assert path.read_bytes() == b'old'
  assert [p.name for p in tmp_path.iterdir()] == ['a.bin']


def test_a_full_disk_is_named_with_its_remedy(tmp_path):
  path = tmp_path / 'a.bin'
  with (
    pytest.raises(InputError, match=r'a\.bin: .*No space left.*; free some'),
    atomic.replacing(path) as temporary,
  ):
    temporary.write_bytes(b'half')
    raise OSError(errno.ENOSPC, 'No space left on device')
  assert not list(tmp_path.iterdir())


def test_a_write_that_breaks_off_leaves_nothing(tmp_path):
  path = tmp_path / 'a.bin'
  path.write_bytes(b'old')
  done = subprocess.run(
    [sys.executable, '-c', _LIMITED, str(path)],
    capture_output=True,
    text=True,
    check=True,
  )
  assert 'File too large' in done.stdout
  assert path.read_bytes() == b'old'
  assert [p.name for p in tmp_path.iterdir()] == ['a.bin']


def test_missing_folder_folder_and_file_as_folder(tmp_path):
  (tmp_path / 'file').write_bytes(b'')
  with pytest.raises(InputError, match=r'No such file.*create the folder'):
    atomic.write_bytes(tmp_path / 'none' / 'a', b'')
  with pytest.raises(InputError, match='Is a directory'):
    atomic.write_bytes(tmp_path, b'')
  with pytest.raises(InputError, match='Not a directory'):
    atomic.write_bytes(tmp_path / 'file' / 'a', b'')
  with pytest.raises(InputError, match=r'too long.*shorter'):
    atomic.write_bytes(tmp_path / ('a' * 300), b'')


def test_prepare_folder(tmp_path):
  folder = tmp_path / 'a' / 'b'
  assert atomic.prepare_folder(folder) == folder
  assert atomic.prepare_folder(str(folder)) == folder
  assert not list(folder.iterdir())
  (folder / 'file').write_bytes(b'')
  with pytest.raises(InputError, match='is a file where a folder is needed'):
    atomic.prepare_folder(folder / 'file')
  with pytest.raises(InputError, match='Not a directory'):
    atomic.prepare_folder(folder / 'file' / 'deeper')


def test_prepare_folder_really_writes():
  # Nobody, root included, may make files in /proc.
  with pytest.raises(InputError, match=r'/proc.*cannot be written'):
    atomic.prepare_folder('/proc/self')


def test_a_new_folder_appears_whole(tmp_path):
  path = tmp_path / 'a' / 'b'
  with atomic.new_folder(path) as temporary:
    (temporary / 'x').write_bytes(b'x')
    assert not path.exists() and temporary.parent == path.parent
  assert [entry.name for entry in path.iterdir()] == ['x']
  assert [entry.name for entry in path.parent.iterdir()] == ['b']
  with (
    pytest.raises(InputError, match='already exists'),
    atomic.new_folder(path),
  ):
    pass


@pytest.mark.parametrize('error', [KeyboardInterrupt, RuntimeError, OSError])
def test_a_failed_new_folder_leaves_nothing(tmp_path, error):
  path = tmp_path / 'a' / 'b' / 'c'
  expected = InputError if error is OSError else error
  with pytest.raises(expected), atomic.new_folder(path) as temporary:
    (temporary / 'x').write_bytes(b'x')
    raise error
  assert not list(tmp_path.iterdir())


def test_a_failure_inside_is_told_by_the_final_name(tmp_path):
  path = tmp_path / 'a'
  with (
    pytest.raises(InputError, match=rf'^{path}/x: is bad'),
    atomic.new_folder(path) as temporary,
  ):
    raise InputError(f'{temporary}/x: is bad; mend it')


def test_space_is_checked(tmp_path):
  atomic.check_space(tmp_path, 1)
  with pytest.raises(InputError, match=r'1000000000000 MB are needed'):
    atomic.check_space(tmp_path, 10**18)


@pytest.mark.parametrize('error', [OSError, KeyboardInterrupt, ValueError])
def test_folders_made_for_what_failed_are_removed(tmp_path, error):
  (tmp_path / 'old').mkdir()
  for name in ('a/b/c', 'old/d', 'old'):
    with pytest.raises(error), atomic.made_for(tmp_path / name):
      assert (tmp_path / name).is_dir()
      raise error
  assert [path.name for path in tmp_path.iterdir()] == ['old']
  assert not list((tmp_path / 'old').iterdir())
  with pytest.raises(ValueError), atomic.made_for(tmp_path / 'kept' / 'x'):
    (tmp_path / 'kept' / 'file').write_text('')
    raise ValueError
  assert [p.name for p in (tmp_path / 'kept').iterdir()] == ['file']


def test_files_appear_together_or_not_at_all(tmp_path):
  (tmp_path / 'a').write_text('old')
  with (
    pytest.raises(InputError, match=f'{tmp_path}/b: cannot be written'),
    atomic.together(tmp_path) as folder,
  ):
    (folder / 'a').write_text('new')
    (folder / 'b').mkdir()
    atomic.write_bytes(folder / 'b', b'')
  assert [path.name for path in tmp_path.iterdir()] == ['a']
  assert (tmp_path / 'a').read_text() == 'old'
  with atomic.together(tmp_path) as folder:
    (folder / 'a').write_text('new')
  assert [path.name for path in tmp_path.iterdir()] == ['a']
  assert (tmp_path / 'a').read_text() == 'new'


def test_folders_that_stay_empty_are_removed(tmp_path):
  (tmp_path / 'mine').mkdir()
  with pytest.raises(InputError, match='refused'), atomic.tidied():
    atomic.prepare_folder(tmp_path / 'mine')
    atomic.prepare_folder(tmp_path / 'a' / 'b')
    (atomic.prepare_folder(tmp_path / 'c' / 'd') / 'result').touch()
    raise InputError('refused')
  found = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob('*'))
  assert found == ['c', 'c/d', 'c/d/result', 'mine']


def test_new_files_of_what_is_refused_are_withdrawn(tmp_path):
  old, new, other = (tmp_path / name for name in ('old', 'new', 'other'))
  atomic.write_bytes(old, b'1')
  with pytest.raises(InputError), atomic.withdrawn():
    atomic.write_bytes(old, b'2')
    with atomic.withdrawn():
      atomic.write_bytes(other, b'3')
    atomic.write_bytes(new, b'4')
    raise InputError('no; mend it')
  assert sorted(tmp_path.iterdir()) == [old, other]
  assert old.read_bytes() == b'2'
