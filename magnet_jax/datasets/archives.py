"""Zip files read in place; every way they can be bad is one error."""

import os
import pathlib
import threading
import zipfile

from magnet_jax import outside
from magnet_jax.files import decoding
from magnet_jax.types import InputError

_MOST = 2**28  # bytes of a member: an image as a file


class Archive:
  """A zip file whose members are read on demand.

  Each process and thread that reads from it opens it separately.
  """

  def __init__(self, path: str | os.PathLike[str]) -> None:
    """Reads the list of members, which is at the end of the file.

    Raises:
      InputError: missing, truncated, or not a zip file.
    """
    self.path = decoding.check_file(path)
    self._local = threading.local()
    self.names: tuple[str, ...] = tuple(
      info.filename for info in self._zip().infolist() if not info.is_dir()
    )

  def __reduce__(self) -> tuple[type['Archive'], tuple[pathlib.Path]]:
    return type(self), (self.path,)

  def _zip(self) -> zipfile.ZipFile:
    opened = getattr(self._local, 'zip', None)
    if not isinstance(opened, zipfile.ZipFile):
      with outside.reading(
        self.path,
        'not a complete zip file',
        'it was truncated or is something else, download it again',
      ):
        opened = self._local.zip = zipfile.ZipFile(self.path)
    return opened

  def read(self, name: str) -> bytes:
    """Reads a member and verifies its checksum.

    Args:
      name: one of `names`.

    Raises:
      InputError: the member is damaged or encrypted.
    """
    size = self._zip().getinfo(name).file_size
    if size > _MOST:
      raise InputError(
        f'{self.path}: {name} would unpack to {size} bytes, more than the '
        f'{_MOST} of any image; the zip file is damaged, download it again'
      )
    with outside.reading(
      self.path,
      f'{name} cannot be read',
      'the zip file is damaged, download it again',
    ):
      return self._zip().read(name)
