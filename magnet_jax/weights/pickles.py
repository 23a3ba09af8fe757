"""What both readers of pickled files do with one that they must not run."""

from collections.abc import Iterator
import contextlib
import pathlib

from magnet_jax.types import InputError


class RefusedError(Exception):
  """A name that plain arrays do not need: unpickling it could run code."""


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
    InputError: the block raised anything but an InputError or MemoryError.
  """
  try:
    yield
  except (InputError, MemoryError):
    raise
  except OSError as error:
    raise InputError(
      f'{path}: cannot be read, {error.strerror}; choose another file'
    ) from error
  except RefusedError as error:
    raise InputError(
      f'{path}: holds pickled code ({error}), which could do anything: only '
      f'{plain} are read; {remedy}'
    ) from error
  # A damaged pickle may raise nearly anything.
  except Exception as error:
    raise InputError(
      f'{path}: is not {damaged}, or is damaged; download the file again'
    ) from error
