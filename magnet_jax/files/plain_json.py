"""JSON from outside: what every later step can take, or one error.

Python's parser takes more than the standard, and more than numbers, files and
other programs can hold: NaN, numbers of any length, half of a character, and
nesting that the next function cannot follow.
"""

import json
import math

from magnet_jax import outside
from magnet_jax.files import decoding, host_memory
from magnet_jax.files.atomic import PathLike

_DEEPEST = 50  # levels
_LONGEST = 2**24  # bytes of a document
_LARGER = 20  # times its bytes that what is parsed may take
_LARGEST = 2**63  # of whole numbers


def parse(
  data: bytes | str, *, finite: bool = True, longest: int = _LONGEST
) -> object:
  """Parses a JSON document.

  Args:
    data: the document.
    finite: whether NaN and infinities are refused here, not by `checked`,
      which names the setting.
    longest: bytes of the largest document.

  Raises:
    ValueError: it is none, is nested too deeply, or holds a number or a text
      that cannot be used; says what.
  """
  if len(data) > longest:
    raise ValueError(f'more than {longest} bytes')
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


def read(path: PathLike, remedy: str, *, longest: int = _LONGEST) -> object:
  """Reads a JSON document from a file.

  Args:
    path: the file.
    remedy: what to do if it is damaged, for the message.
    longest: bytes of the largest document.

  Raises:
    InputError: it cannot be read, or is not a JSON document.
  """
  data = read_bytes(path, remedy)
  with outside.reading(path, 'cannot be read as JSON', remedy):
    return parse(data.decode('utf-8-sig'), longest=longest)


def read_bytes(path: PathLike, remedy: str) -> bytes:
  """Reads a regular file, which may be empty.

  Args:
    path: the file.
    remedy: what to do otherwise, for the message.

  Raises:
    InputError: there is none, or it cannot be read.
  """
  path = decoding.check_regular(path)
  host_memory.check(str(path), _LARGER * path.stat().st_size)
  with outside.reading(path, 'cannot be read', remedy):
    return path.read_bytes()
