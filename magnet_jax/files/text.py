"""Text files from outside: lists and names, one line each."""

import pathlib

from magnet_jax import outside
from magnet_jax.files import decoding, host_memory
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError

_LARGER = 20  # times the bytes of a file that its lines may take
_LONGEST = 2**16  # letters of a line; the csv module takes no more


def read_lines(path: PathLike, remedy: str) -> list[str]:
  """Returns the lines of a regular file of UTF-8 text, which may be empty.

  Args:
    path: the file.
    remedy: what to give instead, for the message.

  Raises:
    InputError: it is missing, cannot be read, or is not such text.
  """
  path = decoding.check_regular(pathlib.Path(path))
  host_memory.check(str(path), _LARGER * path.stat().st_size)
  with outside.reading(path, 'cannot be read as a list', remedy):
    # Windows adds a BOM.
    lines = path.read_text(encoding='utf-8-sig').splitlines()
  for number, line in enumerate(lines, start=1):
    if len(line) > _LONGEST:
      raise InputError(
        f'{path}: line {number} has {len(line)} letters, more than the '
        f'{_LONGEST} of any name; {remedy}'
      )
  return lines
