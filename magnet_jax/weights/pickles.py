"""What readers of pickled files do with one that they must not run or load."""

from collections.abc import Iterator
import contextlib
import pathlib
import pickletools
from typing import IO

from magnet_jax import outside
from magnet_jax.files import array_files, host_memory
from magnet_jax.types import InputError

_MOST = 1_000_000  # operations: 20,000 tensors


class RefusedError(Exception):
  """A name that plain arrays do not need: unpickling it could run code."""


class Measure:
  """Counts the bytes of what is made from a file, which may be many times it.

  A pickle can name the same bytes again and again, and each time an array of
  its own is made from them.
  """

  def __init__(self, path: pathlib.Path) -> None:
    """Takes the path of the file."""
    self._path, self._total = path, 0

  def add(self, size: int) -> None:
    """Counts bytes that are about to be made.

    Raises:
      InputError: with these they are more than a file of this size can hold,
        or than memory does.
    """
    self._total += size
    array_files.check_density(self._path, self._total)
    host_memory.check(str(self._path), self._total)


def check_length(path: pathlib.Path, file: IO[bytes], count: int = 1) -> None:
  """Raises InputError for pickles of more operations than any network has.

  Each of them makes an object, which takes up to a hundred times the memory of
  its byte in the file.

  Args:
    path: for the message.
    file: open at the first of the pickles; only these are read.
    count: how many pickles follow each other.
  """
  operations = (each for _ in range(count) for each in pickletools.genops(file))
  for number, _ in enumerate(operations):
    if number == _MOST:
      raise InputError(
        f'{path}: holds more than {_MOST} objects, those of any network; save '
        "the network's state_dict() alone"
      )


@contextlib.contextmanager
def reading(
  path: pathlib.Path, *, plain: str, remedy: str, damaged: str
) -> Iterator[None]:
  """Turns whatever reading a pickle raises into one line.

  Args:
    path: of the file.
    plain: what is read only, such as 'plain arrays'.
    remedy: against pickled code.
    damaged: what a damaged file is not, as a clause.

  Raises:
    InputError: the block raised anything about the file.
  """
  with outside.reading(
    path, f'is not {damaged}, or is damaged', 'download the file again'
  ):
    try:
      yield
    except RefusedError as error:
      raise InputError(
        f'{path}: holds pickled code ({error}), which could do anything: only '
        f'{plain} are read; {remedy}'
      ) from error
