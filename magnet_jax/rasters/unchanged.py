"""Checks that a file is still the one that was opened."""

import os
import pathlib

from magnet_jax.types import InputError


class Unchanged:
  """Remembers a file's length and time of change.

  check = Unchanged(path)
  ...
  check()
  """

  def __init__(self, path: pathlib.Path) -> None:
    self._path = path
    self._stamp = self._now()

  def _now(self) -> tuple[int, int]:
    try:
      found = os.stat(self._path)
    except OSError as error:
      raise InputError(
        f'{self._path}: was removed while it was read; restore it and run the '
        'command again'
      ) from error
    return found.st_size, found.st_mtime_ns

  def __call__(self) -> None:
    """Raises InputError if the file was removed or changed since."""
    now = self._now()
    if now != self._stamp:
      raise InputError(
        f'{self._path}: was changed while it was read ({self._stamp[0]} bytes '
        f'before, {now[0]} now); wait until it is complete and try again'
      )
