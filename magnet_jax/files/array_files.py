"""Arrays of .npz files, whose sizes are known before they are unpacked."""

import pathlib
from typing import IO
import zipfile

import numpy as np

from magnet_jax.files import host_memory
from magnet_jax.files.host_memory import TooLargeError

__all__ = ['TooLargeError', 'check', 'check_density', 'read']

_MOST = 100_000  # arrays; a network has hundreds
# Of numbers that are packed well, as those of 8 bits; all zeros pack a
# thousandfold, and are no network.
_DENSEST = 200
_SMALL = 2**26  # bytes that may be anything


def check(path: pathlib.Path) -> int:
  """Raises an error if an .npz file would unpack to more than it may hold.

  Args:
    path: the file.

  Returns:
    The bytes of its arrays.

  Raises:
    TooLargeError: to more than memory holds.
    zipfile.BadZipFile: it is no archive.
  """
  with zipfile.ZipFile(path) as archive:
    members = archive.infolist()
    if len(members) > _MOST:
      raise TooLargeError(
        f'{path}: holds {len(members)} arrays, more than the {_MOST} of any '
        'network; export it again'
      )
    total = 0
    for member in members:
      with archive.open(member) as file:
        total += max(member.file_size, _claimed(file))
  host_memory.check(str(path), total)
  return total


def check_density(path: pathlib.Path, total: int) -> None:
  """Raises TooLargeError if a file claims more bytes than a network could."""
  packed = path.stat().st_size
  if total > max(_SMALL, _DENSEST * packed):
    raise TooLargeError(
      f'{path}: claims arrays of {total} bytes in {packed}, more than '
      f'{_DENSEST} for each; it is damaged or made to fill the memory, export '
      'it again'
    )


def read(path: pathlib.Path) -> dict[str, np.ndarray]:
  """Reads the arrays of a network from an .npz file, in this machine's order.

  Raises:
    TooLargeError: they are more than memory holds, or than a network could be
      in a file of this size. Otherwise as NumPy does.
  """
  check_density(path, check(path))
  # Opened here: np.load leaves files open that are not archives.
  with path.open('rb') as file, np.load(file, allow_pickle=False) as stored:
    found = {key: stored[key] for key in stored.files}
  for key, array in found.items():
    if not isinstance(array, np.ndarray):  # bytes of a member that is none
      raise ValueError(f'{key} is no array')
    if array.dtype.kind == 'f' and array.dtype.itemsize > 8:
      raise ValueError(f'{key} is of {array.dtype}')  # as no device computes
    if not array.dtype.isnative:
      found[key] = array.astype(array.dtype.newbyteorder('='))
  return found


def _claimed(file: IO[bytes]) -> int:
  """Returns the bytes that the header of an array claims; 0 if it is none."""
  try:
    version = np.lib.format.read_magic(file)
    known = {
      (1, 0): np.lib.format.read_array_header_1_0,
      (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, _, dtype = known[version](file)
  except (ValueError, KeyError, EOFError):
    return 0
  count = 1
  for side in shape:
    count *= int(side)
  return count * dtype.itemsize
