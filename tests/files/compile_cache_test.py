"""The folder of what is compiled: safe, whole, small, and never in the way."""

import os
import pathlib
import subprocess
import sys
import zlib

import pytest

from magnet_jax.files import compile_cache

FOLDER, LEAST = 'JAX_COMPILATION_CACHE_DIR', compile_cache._JAX_LEAST


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
  """A home of its own; whatever is set is undone."""
  for name in (compile_cache.VARIABLE, FOLDER, LEAST, 'XDG_CACHE_HOME'):
    monkeypatch.setenv(name, 'x')
    monkeypatch.delenv(name)
  monkeypatch.setenv('HOME', str(tmp_path / 'home'))
  return tmp_path / 'home'


def chosen():
  compile_cache.use()
  found = os.environ.pop(FOLDER, None)
  return found and pathlib.Path(found)


def entry(folder, name, packed, age=100):
  path = folder / f'{name}-cache'
  path.write_bytes(packed)
  when = path.stat().st_mtime - age
  os.utime(path, (when, when))
  return path


def names(folder):
  return sorted(path.name for path in folder.glob('*-cache'))


def test_the_folder_is_that_of_the_user(surroundings, monkeypatch, tmp_path):
  folder = chosen()
  assert folder.parent == surroundings / '.cache' / 'magnet_jax'
  assert folder.stat().st_mode & 0o777 == 0o700
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'xdg'))
  assert chosen().parent == tmp_path / 'xdg' / 'magnet_jax'
  monkeypatch.setenv('XDG_CACHE_HOME', 'relative')
  assert chosen() == folder
  monkeypatch.setenv(compile_cache.VARIABLE, str(tmp_path / 'own'))
  assert chosen().parent == tmp_path / 'own'


def test_it_can_be_turned_off_and_leaves_jax_alone(monkeypatch, tmp_path):
  monkeypatch.setenv(compile_cache.VARIABLE, 'OFF')
  assert chosen() is None
  monkeypatch.delenv(compile_cache.VARIABLE)
  monkeypatch.setenv(FOLDER, str(tmp_path / 'of_jax'))
  compile_cache.use()
  assert os.environ[FOLDER] == str(tmp_path / 'of_jax')
  assert LEAST not in os.environ


def test_a_folder_that_others_may_write_to_is_not_used(surroundings):
  folder = chosen()
  folder.chmod(0o770)
  assert chosen() is None
  folder.chmod(0o700)
  folder.parent.chmod(0o777)
  assert chosen() is None


def test_no_folder_no_cache(surroundings):
  surroundings.write_text('a file')
  assert chosen() is None


def test_torn_entries_go_and_whole_ones_are_read_once(monkeypatch):
  folder, packed = chosen(), zlib.compress(b'program' * 99)
  entry(folder, 'whole', packed)
  entry(folder, 'torn', packed[:-5])
  entry(folder, 'empty', b'')
  entry(folder, 'being_written', packed[:5], age=0)
  assert chosen() == folder
  assert names(folder) == ['being_written-cache', 'whole-cache']
  monkeypatch.setattr(compile_cache, '_whole', lambda packed: False)
  chosen()
  assert 'whole-cache' in names(folder)
  entry(folder, 'whole', packed + b'more')  # it has changed
  chosen()
  assert 'whole-cache' not in names(folder)
  assert not list(folder.glob('whole*'))


def test_the_oldest_go_first(monkeypatch):
  folder, packed = chosen(), zlib.compress(os.urandom(1000))
  for age in (300, 100, 200):
    entry(folder, f'age{age}', packed, age)
  monkeypatch.setattr(compile_cache, '_LARGEST', 2 * len(packed))
  chosen()
  assert names(folder) == ['age100-cache', 'age200-cache']


PROGRAM = """
from magnet_jax.files import compile_cache
compile_cache.use()
import jax
jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)
print(jax.jit(lambda x: x * 3 + 1)(2.0))
"""


def test_jax_reads_what_it_wrote_and_survives_what_is_damaged():
  def run():
    done = subprocess.run(
      [sys.executable, '-c', PROGRAM],
      capture_output=True,
      text=True,
      check=True,
      env={**os.environ, 'PYTHONPATH': str(pathlib.Path(__file__).parents[2])},
    )
    assert done.stdout == '7.0\n' and not done.stderr

  run()
  folder = chosen()
  written = [path for path in folder.glob('*-cache') if 'lambda' in path.name]
  (path,) = written
  before = path.stat().st_mtime_ns
  run()
  assert path.stat().st_mtime_ns == before
  # Damaged, but of the size and time that it was checked with.
  state, whole = path.stat(), path.read_bytes()
  path.write_bytes(whole[:50] + bytes(len(whole) - 50))
  os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
  run()
