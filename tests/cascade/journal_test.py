import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from magnet_jax.cascade import journal
from magnet_jax.files import temporary_files
from magnet_jax.types import InputError

SETTINGS = {'weights': 'abc', 'points': 0.75, 'image': [40, 50]}


def _open(folder, settings):
  with journal.opened(folder, settings):
    pass


def test_notes_last(tmp_path):
  folder = tmp_path / 'a' / 'run'
  with journal.opened(folder, SETTINGS) as notes:
    assert not notes.resumed
    assert notes.done('part') is None
    notes.note('part', 1)
    notes.note('part', 2)
    notes.note('images')
  with journal.opened(folder, SETTINGS) as notes:
    assert notes.resumed
    assert notes.done('part') == 2
    assert notes.done('images') is True
    notes.note('part', 3)
    assert notes.done('part') == 3
    notes.remove()
    assert not folder.exists()
  with journal.opened(folder, SETTINGS) as notes:
    assert notes.done('part') is None


def test_half_a_line_is_not_done(tmp_path):
  with journal.opened(tmp_path, SETTINGS) as notes:
    notes.note('part', 1)
    notes.note('part', 2)
  file = tmp_path / 'journal.jsonl'
  file.write_bytes(file.read_bytes()[:-4])
  with journal.opened(tmp_path, SETTINGS) as notes:
    assert notes.done('part') == 1


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    ({'points': 0.5}, ['points (0.75 then, 0.5 now)']),
    ({'weights': 'def'}, ['weights']),
    ({'weights': 'a' * 64}, ['weights']),
    ({'more': 1, 'points': 1, 'image': [1, 1], 'weights': ''}, ['1 more']),
  ],
)
def test_other_settings_are_named(tmp_path, changes, words):
  with journal.opened(tmp_path / 'run', SETTINGS):
    pass
  with pytest.raises(InputError) as error:
    _open(tmp_path / 'run', SETTINGS | changes)
  line = str(error.value)
  for word in [*words, f'remove {tmp_path / "run"}', 'start again']:
    assert word in line


def test_damaged_settings(tmp_path):
  (tmp_path / 'settings.json').write_text('{"weights"')
  with pytest.raises(InputError, match=r'settings\.json.*start again'):
    _open(tmp_path, SETTINGS)


def test_one_run_at_a_time_until_it_is_killed(tmp_path):
  folder = tmp_path / 'run'
  program = (
    'import pathlib, sys, time\n'
    'from magnet_jax.cascade import journal\n'
    'with journal.opened(pathlib.Path(sys.argv[1]), {}) as notes:\n'
    '  notes.note("here")\n'
    '  time.sleep(600)\n'
  )
  other = subprocess.Popen([sys.executable, '-c', program, str(folder)])
  try:
    limit = time.monotonic() + 120
    while b'here' not in _content(folder) and time.monotonic() < limit:
      time.sleep(0.05)
    with pytest.raises(InputError, match='another run'):
      _open(folder, {})
  finally:
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
  with journal.opened(folder, {}) as notes:
    assert notes.done('here') is True


def _content(folder):
  file = folder / 'journal.jsonl'
  return file.read_bytes() if file.exists() else b''


def test_a_folder_that_cannot_be_made(tmp_path):
  (tmp_path / 'file').write_text('mine')
  with pytest.raises(InputError, match='file'):
    _open(tmp_path / 'file' / 'run', {})


def test_killed_while_it_removes_itself(tmp_path, monkeypatch):
  folder = tmp_path / 'run'
  with journal.opened(folder, SETTINGS) as notes:
    notes.note('stage 3')
    (folder / 'label').mkdir()
    (folder / 'label' / 'zarr.json').write_text('{}')
    with monkeypatch.context() as patch:
      patch.setattr(journal.shutil, 'rmtree', lambda *_, **__: None)
      notes.remove()
  (left,) = tmp_path.iterdir()
  assert temporary_files.is_temporary(left.name)
  # What was noted is no longer true of files that are partly gone.
  with journal.opened(folder, SETTINGS) as notes:
    assert not notes.resumed
    assert notes.done('stage 3') is None
    assert not (folder / 'label').exists()


def test_killed_before_its_settings_are_written(tmp_path):
  for name in ('lock', 'lock1', temporary_files.name('settings', '.json')):
    (tmp_path / name).write_text('')
  with journal.opened(tmp_path, SETTINGS) as notes:
    assert not notes.resumed


@pytest.mark.parametrize(
  'names', [['notes.txt'], ['a', 'b', 'c', 'd'], ['lock', 'locked'], ['lock.']]
)
def test_a_folder_of_that_name_which_is_no_run(tmp_path, names):
  folder = tmp_path / 'a.partial'
  for name in names:
    (folder / name).mkdir(parents=True)
  with pytest.raises(InputError, match=r'holds .* no settings.json: .*; move'):
    _open(folder, SETTINGS)
  assert sorted(path.name for path in folder.iterdir()) == names


def test_a_link_in_its_place(tmp_path):
  elsewhere = tmp_path / 'elsewhere'
  elsewhere.mkdir()
  (tmp_path / 'run').symlink_to(elsewhere)
  with pytest.raises(InputError, match=r'is a link, .*; remove it'):
    _open(tmp_path / 'run', SETTINGS)
  assert not list(elsewhere.iterdir())


def test_a_run_that_cannot_be_removed(tmp_path, monkeypatch):
  def rename(*_):
    raise PermissionError(errno.EACCES, 'no')

  with journal.opened(tmp_path / 'run', SETTINGS) as notes:
    monkeypatch.setattr(journal.os, 'rename', rename)
    with pytest.raises(InputError, match='run: cannot be written, no; choose'):
      notes.remove()
