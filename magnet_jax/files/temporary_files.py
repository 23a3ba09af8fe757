"""Names of temporary files, by which those of killed processes are found."""

import contextlib
import os
import pathlib
import platform
import re
import secrets
import shutil
import zlib

import psutil

# The stem, the home, the process and a random number.
_NAME = re.compile(
  r'\.(?:.*\.)?([0-9a-f]{8})\.(\d{1,9})\.[0-9a-f]{8}\.tmp(?:\..*)?', re.DOTALL
)


def name(stem: str = '', suffix: str = '') -> str:
  """Returns a hidden name that no other file has.

  Args:
    stem: of the file that it will become.
    suffix: with its dot, from which some writers derive the format.
  """
  middle = f'{_home()}.{os.getpid()}.{secrets.token_hex(4)}.tmp{suffix}'
  return f'.{stem[:64]}.{middle}' if stem else f'.{middle}'


def is_temporary(name: str) -> bool:
  """Returns whether a file has a name of this kind."""
  return _NAME.fullmatch(name) is not None


def remove_left(folder: pathlib.Path) -> None:
  """Removes temporary files of processes that have ended without doing so.

  Only of those whose end can be told from here.
  """
  with os.scandir(folder) as found:
    left = [entry for entry in found if _is_left(entry.name)]
  for entry in left:
    if entry.is_dir(follow_symlinks=False):
      shutil.rmtree(entry.path, ignore_errors=True)
    else:
      with contextlib.suppress(OSError):
        os.unlink(entry.path)


def _is_left(name: str) -> bool:
  found = _NAME.fullmatch(name)
  if found is None or found[1] != _home():
    return False
  return not psutil.pid_exists(int(found[2]))


def _home() -> str:
  """Returns what tells apart machines and containers, which number alike."""
  space = ''
  with contextlib.suppress(OSError):  # no Linux
    space = os.readlink('/proc/self/ns/pid')
  return f'{zlib.crc32((platform.node() + space).encode()):08x}'
