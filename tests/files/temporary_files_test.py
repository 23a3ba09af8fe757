"""Temporary files of killed processes are removed, those of others stay."""

import os
import subprocess
import sys

from magnet_jax.files import atomic, temporary_files

_KILLED = """
import os, signal, sys
from magnet_jax.files import atomic
with (
  atomic.replacing(f'{sys.argv[1]}/a b.png') as file,
  atomic.new_folder(f'{sys.argv[1]}/new') as folder,
  atomic.together(sys.argv[1]) as more,
):
  file.write_bytes(b'half')
  (folder / 'x').write_bytes(b'half')
  (more / 'y').write_bytes(b'half')
  os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_has_left(tmp_path):
  done = subprocess.run(
    [sys.executable, '-c', _KILLED, str(tmp_path)], check=False
  )
  assert done.returncode < 0
  left = [path.name for path in tmp_path.iterdir()]
  assert len(left) == 3 and all('.tmp' in name for name in left)
  atomic.prepare_folder(tmp_path)
  assert not list(tmp_path.iterdir())


def test_what_stays(tmp_path):
  own = temporary_files.name('a', '.png')
  number = str(os.getpid())
  gone = subprocess.Popen([sys.executable, '-c', ''])
  gone.wait()
  ended = own.replace(number, str(gone.pid))
  home = own.split('.')[2]
  others = [
    own,  # of a process that runs
    ended.replace(home, '00000000'),  # of another machine
    ended.replace('.tmp', '.temp'),
    ended[1:],
    '.a.tmp',
    '.tmp',
  ]
  for name in (*others, ended):
    (tmp_path / name).write_bytes(b'')
  temporary_files.remove_left(tmp_path)
  assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_names_are_short_and_their_own():
  names = {temporary_files.name('a' * 300, '.png') for _ in range(20)}
  assert len(names) == 20 and max(map(len, names)) < 130
