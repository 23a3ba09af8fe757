"""Turns what Orbax and TensorStore report of a failed write into one error."""

from collections.abc import Callable, Iterator
import contextlib
import logging
import os
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
  Hook = Callable[['sys.UnraisableHookArgs'], object]


@contextlib.contextmanager
def unlogged() -> Iterator[None]:
  """Keeps Orbax's threads from logging at length what is raised anyway."""
  logger = logging.getLogger('absl')

  def foreign(record: logging.LogRecord) -> bool:
    return 'orbax' not in record.pathname

  logger.addFilter(foreign)
  try:
    yield
  finally:
    logger.removeFilter(foreign)


def system_error(error: Exception) -> OSError:
  """Returns the system's error, which TensorStore words in its own way."""
  if isinstance(error, OSError):
    return error
  code = re.search(r"os_error_code='(\d+)'", str(error))
  if code:
    return OSError(int(code[1]), os.strerror(int(code[1])))
  return OSError((str(error).splitlines() or [''])[0][:200])


def ignore_late_threads() -> None:
  """Keeps writers that end after a failed save from printing tracebacks.

  Orbax writes many arrays at once and stops at the first failure; the threads
  of the others then complain that their event loop is closed.
  """
  if isinstance(sys.unraisablehook, _WithoutLateThreads):
    return
  sys.unraisablehook = _WithoutLateThreads(sys.unraisablehook)


class _WithoutLateThreads:
  """A hook that passes on everything except those complaints."""

  def __init__(self, before: 'Hook') -> None:
    self._before = before

  def __call__(self, unraisable: 'sys.UnraisableHookArgs', /) -> None:
    if str(unraisable.exc_value) != 'Event loop is closed':
      self._before(unraisable)
