"""What Orbax and TensorStore say when a write fails: one error, not pages."""

from collections.abc import Iterator
import contextlib
import logging
import os
import re
import sys
from typing import Any


@contextlib.contextmanager
def unlogged() -> Iterator[None]:
  """Keeps Orbax's threads from logging what is raised anyway, for pages."""
  logger = logging.getLogger('absl')

  def foreign(record: logging.LogRecord) -> bool:
    return 'orbax' not in record.pathname

  logger.addFilter(foreign)
  try:
    yield
  finally:
    logger.removeFilter(foreign)


def system_error(error: Exception) -> OSError:
  """The system's error, which TensorStore hides in the words of its own."""
  if isinstance(error, OSError):
    return error
  code = re.search(r"os_error_code='(\d+)'", str(error))
  if code:
    return OSError(int(code[1]), os.strerror(int(code[1])))
  return OSError((str(error).splitlines() or [''])[0][:200])


def ignore_late_threads() -> None:
  """Keeps writers that end after a failed save from printing tracebacks.

  Orbax saves many arrays at once and leaves at the first failure; each of the
  others then finds that nobody waits for it any more.
  """
  if isinstance(sys.unraisablehook, _WithoutLateThreads):
    return
  sys.unraisablehook = _WithoutLateThreads(sys.unraisablehook)


class _WithoutLateThreads:
  """A hook that passes everything on but that."""

  def __init__(self, before: Any) -> None:
    self._before = before

  def __call__(self, unraisable: Any, /) -> None:
    if str(unraisable.exc_value) != 'Event loop is closed':
      self._before(unraisable)
