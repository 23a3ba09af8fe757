"""JSON from outside: what every later step can take, or one error.

Python's parser takes more than the standard, and more than numbers, files and
other programs can hold: NaN, numbers of any length, half of a character, and
nesting that the next function cannot follow.
"""

import json
import math
import os

from magnet_jax.files import decoding
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError

_DEEPEST = 50  # levels
_LARGEST = 2**63  # of whole numbers


def parse(data: bytes | str, *, finite: bool = True) -> object:
  """Parses a JSON document.

  Args:
    data: the document.
    finite: whether NaN and infinities are refused here, not by `checked`,
      which names the setting.

  Raises:
    ValueError: it is none, is nested too deeply, or holds a number or a text
      that cannot be used; says what.
  """
  try:
    found = json.loads(data)
  except RecursionError:
    raise ValueError(f'more than {_DEEPEST} levels') from None
  waiting = [(found, 0)]
  while waiting:
    value, depth = waiting.pop()
    if isinstance(value, str):
      value.encode()  # half of a character: UnicodeEncodeError, a ValueError
    elif isinstance(value, int) or (finite and isinstance(value, float)):
      # Compared first, as math.isfinite fails for longer numbers.
      if not (abs(value) <= _LARGEST and math.isfinite(value)):
        raise ValueError(f'{value!s:.20}: a number beyond {_LARGEST}')
    elif isinstance(value, dict | list):
      if depth == _DEEPEST:
        raise ValueError(f'more than {_DEEPEST} levels')
      inner = [*value, *value.values()] if isinstance(value, dict) else value
      waiting += [(each, depth + 1) for each in inner]
  return found


def read(path: PathLike, remedy: str) -> object:
  """Reads a JSON document from a file.

  Args:
    path: the file.
    remedy: what to do if it is damaged, for the message.

  Raises:
    InputError: it cannot be read, or is not a JSON document.
  """
  data = read_bytes(path, remedy)
  try:
    return parse(data.decode('utf-8-sig'))
  except ValueError as error:
    reason = (str(error).splitlines() or [''])[0]
    raise InputError(
      f'{os.fspath(path)}: cannot be read as JSON, {reason:.100}; {remedy}'
    ) from error


def read_bytes(path: PathLike, remedy: str) -> bytes:
  """Reads a regular file, which may be empty.

  Args:
    path: the file.
    remedy: what to do otherwise, for the message.

  Raises:
    InputError: there is none, or it cannot be read.
  """
  path = decoding.check_regular(path)
  try:
    return path.read_bytes()
  except (OSError, MemoryError) as error:
    reason = getattr(error, 'strerror', None) or 'too large for the memory'
    raise InputError(f'{path}: cannot be read, {reason}; {remedy}') from error
