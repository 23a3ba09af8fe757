"""One line for each error that comes from outside; no JAX is imported."""

import errno
import sys

_SYSTEM_ERRORS = {
  errno.ENOSPC: 'free some space or write to another disk',
  errno.EDQUOT: 'free some of your quota or write to another disk',
  errno.EROFS: 'choose a folder on a disk that is not read-only',
  errno.EPIPE: 'the program that reads the output has ended',
  errno.EACCES: 'choose a file or folder that you have permission for',
}
INTERRUPTED = 'interrupted; what was finished is kept'


def explain(error: BaseException) -> str | None:
  """One line for what is wrong outside; None where it is ours to mend."""
  from magnet_jax.types import InputError

  if isinstance(error, InputError):
    return str(error)
  if isinstance(error, MemoryError):
    return _memory_message('host')
  if isinstance(error, OSError) and error.errno in _SYSTEM_ERRORS:
    where = error.filename or 'output'
    return f'{where}: {error.strerror}; {_SYSTEM_ERRORS[error.errno]}'
  # jax.errors.JaxRuntimeError, known by its text to spare the import.
  if isinstance(error, RuntimeError) and 'RESOURCE_EXHAUSTED' in str(error):
    return _memory_message('device')
  return None


def show(message: str) -> None:
  """Prints an error as one line."""
  line = ' '.join(message.split())
  print(f'magnet-jax: error: {line}', file=sys.stderr)


def _memory_message(where: str) -> str:
  return (
    f'out of memory on the {where}: the windows of a batch and the maps of '
    'the image must fit; give a smaller --batch, smaller windows or a smaller '
    'image'
  )
