"""Turns errors of Orbax and TensorStore into one, and silences the others."""

import asyncio
from collections.abc import Callable, Iterator
import contextlib
import functools
import gc
import logging
import os
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
  Hook = Callable[['sys.UnraisableHookArgs'], object]

_CLOSED = 'Event loop is closed'
_LOGGERS = ('asyncio', 'concurrent.futures')


def _foreign(record: logging.LogRecord) -> bool:
  return 'orbax' not in record.pathname


@contextlib.contextmanager
def quiet() -> Iterator[None]:
  """Keeps Orbax from logging what it reads and cannot, which is raised."""
  logger = logging.getLogger('absl')
  logger.addFilter(_foreign)
  try:
    yield
  finally:
    logger.removeFilter(_foreign)


@contextlib.contextmanager
def unlogged() -> Iterator[None]:
  """Keeps Orbax's threads from logging at length what is raised anyway."""
  logger = logging.getLogger('absl')
  # Of its own, as it stays after a failure: other threads may log theirs long
  # after it.
  foreign = functools.partial(_foreign)
  logger.addFilter(foreign)
  yield
  logger.removeFilter(foreign)


def system_error(error: Exception) -> OSError:
  """Returns the system's error, which TensorStore phrases in its own way."""
  if isinstance(error, OSError):
    return error
  code = re.search(r"os_error_code='(\d+)'", str(error))
  if code:
    return OSError(int(code[1]), os.strerror(int(code[1])))
  return OSError((str(error).splitlines() or [''])[0][:200])


@contextlib.contextmanager
def late_threads_ignored() -> Iterator[None]:
  """Keeps what ends after a failure from printing tracebacks of its own.

  Orbax reads and writes many arrays at once and stops at the first failure; the
  threads of the others then complain that their event loop is closed, and
  asyncio that nobody asked for their errors.
  """
  before = sys.unraisablehook
  loggers = [logging.getLogger(name) for name in _LOGGERS]

  def hook(unraisable: 'sys.UnraisableHookArgs', /) -> None:
    if str(unraisable.exc_value) != _CLOSED:
      before(unraisable)

  # One that an earlier failure has left does the same.
  if getattr(before, '__qualname__', '') != hook.__qualname__:
    sys.unraisablehook = hook
  for logger in loggers:
    logger.addFilter(_told_by_others)
  try:
    yield
  except BaseException:
    _retrieve()
    raise  # without undoing it: those threads may end long after it
  for logger in loggers:
    logger.removeFilter(_told_by_others)
  # Another one that was set meanwhile stays.
  if sys.unraisablehook is hook:
    sys.unraisablehook = before


def _told_by_others(record: logging.LogRecord) -> bool:
  error = record.exc_info[1] if record.exc_info else None
  # asyncio wraps what TensorStore's coroutines raise: only the error tells.
  text = f'{record.getMessage()} {error}'
  return not any(word in text for word in ('orbax', 'tensorstore', _CLOSED))


def _retrieve() -> None:
  """Asks for the errors of all tasks whose event loop is closed.

  Nobody else can do so any more. Otherwise asyncio logs each when its memory is
  freed, which may be at the end of the program.
  """
  for found in gc.get_objects():
    # Not isinstance, which asks lazy objects of others what they are.
    if not issubclass(type(found), asyncio.Future):
      continue
    if not found.get_loop().is_closed():
      continue
    if not found.done():
      # As asyncio does for those that it gives up itself.
      setattr(found, '_log_destroy_pending', False)  # noqa: B010
    elif not found.cancelled():
      found.exception()
