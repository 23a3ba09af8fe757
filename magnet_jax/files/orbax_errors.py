"""Turns errors of Orbax and TensorStore about a failed write into one."""

from collections.abc import Callable, Iterator
import contextlib
import functools
import logging
import os
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
  Hook = Callable[['sys.UnraisableHookArgs'], object]


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
  """Keeps writers that end after a failed save from printing tracebacks.

  Orbax writes many arrays at once and stops at the first failure; the threads
  of the others then complain that their event loop is closed, and asyncio that
  nobody asked for their errors.
  """
  before, logger = sys.unraisablehook, logging.getLogger('asyncio')

  def hook(unraisable: 'sys.UnraisableHookArgs', /) -> None:
    if str(unraisable.exc_value) != 'Event loop is closed':
      before(unraisable)

  # One that an earlier failure has left does the same.
  if getattr(before, '__qualname__', '') != hook.__qualname__:
    sys.unraisablehook = hook
  logger.addFilter(_told_by_others)
  # Not undone after a failure: those threads may end long after it.
  yield
  logger.removeFilter(_told_by_others)
  # Another one that was set meanwhile stays.
  if sys.unraisablehook is hook:
    sys.unraisablehook = before


def _told_by_others(record: logging.LogRecord) -> bool:
  return 'orbax' not in record.getMessage()
