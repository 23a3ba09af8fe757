"""Zip files read in place, and every way they can be bad."""

import os
import pathlib
import threading
from typing import Any
import zipfile
import zlib

from magnet_jax.files import decoding
from magnet_jax.types import InputError

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)


class Archive:
  """A zip file whose members are read when they are asked for.

  It is opened anew in each process and thread that reads from it.
  """

  def __init__(self, path: str | os.PathLike[str]) -> None:
    """Reads the list of members, which stands at the file's end.

    Raises:
      InputError: missing, no zip, or cut short.
    """
    self.path = decoding.check_file(path)
    self._local = threading.local()
    self.names: tuple[str, ...] = tuple(
      info.filename for info in self._zip().infolist() if not info.is_dir()
    )

  def __reduce__(self) -> tuple[type['Archive'], tuple[pathlib.Path]]:
    return type(self), (self.path,)

  def _zip(self) -> zipfile.ZipFile:
    opened: Any = getattr(self._local, 'zip', None)
    if opened is None:
      try:
        opened = zipfile.ZipFile(self.path)
      except _DAMAGED as error:
        raise InputError(
          f'{self.path}: is no whole zip file ({error}); it was cut short or '
          'is something else, download it again'
        ) from error
      self._local.zip = opened
    found: zipfile.ZipFile = opened
    return found

  def read(self, name: str) -> bytes:
    """Reads a member and checks its sum.

    Args:
      name: one of `names`.

    Raises:
      InputError: the member is damaged or encrypted.
    """
    try:
      return self._zip().read(name)
    except (*_DAMAGED, RuntimeError, OSError) as error:
      raise InputError(
        f'{self.path}: {name} cannot be read ({error}); the zip file is '
        'damaged, download it again'
      ) from error
