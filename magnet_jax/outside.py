"""Whatever libraries raise about what comes from outside, as one line.

Decoders and parsers raise nearly anything for what is damaged or made to
mislead them. This is the one place that turns it into an InputError. The
original is its cause; `told` logs it for those who ask for it by --debug.
"""

from collections.abc import Callable, Iterator
import contextlib
import logging
import os

import jax

from magnet_jax.types import InputError

_LONGEST = 200  # letters of a library's message
# Says more than all that is shown of an error; silent unless asked for.
_LOGGER = logging.getLogger('magnet_jax')
_LOGGER.addHandler(logging.NullHandler())
_LOGGER.propagate = False


def reason(error: BaseException) -> str:
  """Returns the kind of an error and the first line of its message."""
  kind = type(error).__name__
  line = (str(error).strip().splitlines() or [''])[0][:_LONGEST]
  return f'{kind}: {line}' if line else kind


@contextlib.contextmanager
def reading(
  name: str | os.PathLike[str],
  problem: str,
  remedy: str,
  *,
  memory: str = 'free some, or use a smaller file',
  why: Callable[[BaseException], str] = reason,
) -> Iterator[None]:
  """Turns whatever a block raises about its input into one line.

  Failures of a device and closed outputs are not the input's fault and pass
  through, and so do errors that are one line already.

  Args:
    name: of the file or setting, which begins the line.
    problem: what it is or cannot, without the reason, which is added.
    remedy: what to do about it.
    memory: what to do instead if it takes more memory than there is.
    why: returns the reason, for libraries that hide it.

  Raises:
    InputError: the block raised something, or raised it itself.

  >>> with reading('a.png', 'cannot be decoded', 'copy it again'):
  ...   raise ValueError('odd length')  # doctest: +SKIP
  InputError: a.png: cannot be decoded (ValueError: odd length); copy it again
  """
  try:
    yield
  except (InputError, BrokenPipeError, jax.errors.JaxRuntimeError):
    raise
  except MemoryError as error:
    raise InputError(
      f'{os.fspath(name)}: needs more memory than is free; {memory}'
    ) from error
  # Programs of users may exit, as if all were done.
  except (Exception, SystemExit) as error:
    raise InputError(
      f'{os.fspath(name)}: {problem} ({why(error)}); {remedy}'
    ) from error


def told(error: BaseException) -> None:
  """Logs the traceback of an error of which the user sees only the message."""
  _LOGGER.debug('the error in full:', exc_info=error)


@contextlib.contextmanager
def debugging(wanted: bool) -> Iterator[None]:
  """Shows in a block what `told` logs, if wanted."""
  handler = logging.StreamHandler() if wanted else logging.NullHandler()
  before = _LOGGER.level
  _LOGGER.addHandler(handler)
  _LOGGER.setLevel(logging.DEBUG if wanted else logging.WARNING)
  try:
    yield
  finally:
    _LOGGER.setLevel(before)
    _LOGGER.removeHandler(handler)
