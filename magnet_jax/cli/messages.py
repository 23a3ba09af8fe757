"""One-line messages for errors from outside; does not import JAX."""

import errno
import os
import re
import sys
import traceback
from typing import TextIO

_SYSTEM_ERRORS = {
  errno.ENOSPC: 'free some space or write to another disk',
  errno.EDQUOT: 'free some of your quota or write to another disk',
  errno.EROFS: 'choose a folder on a writable disk',
  errno.EPIPE: 'the program that reads the output has ended',
  errno.ENAMETOOLONG: 'choose a shorter one',
  errno.EACCES: 'choose a file or folder that you have permission for',
}
# Letters of a message, and of a word in it, which may be a value of thousands.
_LONGEST, _WORD = 900, 200
_NO_BACKEND = r'Unable to initialize backend|Unknown backend'
INTERRUPTED = 'interrupted; finished work is kept'


def explain(error: BaseException) -> str | None:
  """Returns one line for an error from outside; None for a bug of ours."""
  from magnet_jax.types import InputError

  if isinstance(error, InputError):
    return str(error)
  if isinstance(error, MemoryError):
    return _memory_message('host')
  if isinstance(error, OSError) and error.errno in _SYSTEM_ERRORS:
    where = error.filename or 'output'
    return f'{where!s:.200}: {error.strerror}; {_SYSTEM_ERRORS[error.errno]}'
  if _of_backend(error):
    reason = (str(error).splitlines() or ['there are none'])[0]
    return (
      f'JAX cannot use the devices that it was told to ({reason:.200}); '
      'correct or unset JAX_PLATFORMS'
    )
  # jax.errors.JaxRuntimeError, recognised by its text to avoid the import.
  if isinstance(error, RuntimeError) and 'RESOURCE_EXHAUSTED' in str(error):
    return _memory_message('device')
  return None


def _of_backend(error: BaseException) -> bool:
  """Whether JAX found none of the devices that it was told to use."""
  if isinstance(error, AssertionError):
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename.endswith('xla_bridge.py')
  told = re.search(_NO_BACKEND, str(error))
  return isinstance(error, RuntimeError) and told is not None


def show(message: str) -> None:
  """Prints an error as one line, with long values shortened in the middle."""
  # So the rule and the remedy stay, wherever the value is in the line.
  line = re.sub(
    rf'\S{{{_WORD + 1},}}', lambda word: _short(word[0], _WORD), plain(message)
  )
  try:
    print(f'magnet-jax: error: {_short(line, _LONGEST)}', file=sys.stderr)
  except OSError:  # a file on the disk that is full: the status says the rest
    silence(sys.stderr)


def silence(stream: TextIO) -> None:
  """Lets a stream that cannot be written to lead nowhere.

  What it still holds would fail once more when Python exits, with another
  status.
  """
  os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _short(text: str, longest: int) -> str:
  """Returns the beginning and the end of a text that is longer."""
  if len(text) <= longest:
    return text
  return f'{text[: longest // 2]}…{text[-longest // 2 :]}'


def tell(text: str) -> None:
  """Prints lines of a result."""
  print('\n'.join(map(plain, text.split('\n'))))


def plain(text: str) -> str:
  r"""Returns text on one line, as a terminal shows it and does not obey it.

  A file's name may hold anything, such as new lines and the escape sequences
  of terminals.

  >>> plain('a\x1b[2Jb\n.png')
  'a\\x1b[2Jb\\n.png'
  """
  return ''.join(
    each
    if each.isprintable()
    else each.encode('unicode_escape', 'backslashreplace').decode()
    for each in text
  )


def _memory_message(where: str) -> str:
  return (
    f'out of memory on the {where}: the windows of a batch and the maps of '
    'the image must fit; use a smaller --batch, smaller windows or a smaller '
    'image'
  )
