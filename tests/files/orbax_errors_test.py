"""The errors that Orbax raises for a failed write."""

import errno
import logging
import sys
import types

import pytest

from magnet_jax.files import orbax_errors


def test_the_systems_error_is_found_in_other_words():
  error = ValueError("RESOURCE_EXHAUSTED: no\n [os_error_code='28']")
  assert orbax_errors.system_error(error).errno == errno.ENOSPC
  own = PermissionError(errno.EACCES, 'no')
  assert orbax_errors.system_error(own) is own
  assert str(orbax_errors.system_error(ValueError('odd\nmore'))) == 'odd'


LATE, OTHER = (
  types.SimpleNamespace(exc_value=RuntimeError(text))
  for text in ('Event loop is closed', 'something else')
)


def test_only_late_threads_are_ignored(monkeypatch, caplog):
  seen = []
  monkeypatch.setattr(sys, 'unraisablehook', seen.append)
  before, logger = sys.unraisablehook, logging.getLogger('asyncio')
  with orbax_errors.late_threads_ignored():
    sys.unraisablehook(LATE)
    sys.unraisablehook(OTHER)
    logger.error('never retrieved: /1.orbax-checkpoint-tmp')
    logger.error('something else')
  assert seen == [OTHER]
  assert caplog.messages == ['something else']
  assert sys.unraisablehook is before
  assert not logger.filters
  with orbax_errors.late_threads_ignored():
    sys.unraisablehook = print
  assert sys.unraisablehook is print


def test_late_threads_are_ignored_after_a_failure_too(monkeypatch, caplog):
  seen, logger = [], logging.getLogger('asyncio')
  monkeypatch.setattr(sys, 'unraisablehook', seen.append)
  monkeypatch.setattr(logger, 'filters', [])
  with pytest.raises(OSError), orbax_errors.late_threads_ignored():
    raise OSError(errno.ENOSPC, 'full')
  sys.unraisablehook(LATE)
  sys.unraisablehook(OTHER)
  logger.error('never retrieved: /1.orbax-checkpoint-tmp')
  assert seen == [OTHER] and not caplog.messages
