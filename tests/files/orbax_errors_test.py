"""The errors that Orbax raises for a failed write."""

import asyncio
import errno
import gc
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
    damaged = ValueError("DATA_LOSS: Error [tensorstore_spec='{}']")
    logger.error('never retrieved: _wrap_awaitable()', exc_info=damaged)
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


class ReadError(Exception):
  pass


async def _reads(pending):
  """Fails while others have failed, and one has not ended."""

  async def fail():
    raise ReadError('damaged')

  kept = [asyncio.ensure_future(fail()) for _ in range(3)]
  kept.append(asyncio.ensure_future(asyncio.Event().wait()))
  await asyncio.sleep(0)
  pending += kept
  raise ReadError('first')


def _run(coroutine):
  """As Orbax does, which leaves tasks as they are."""
  loop = asyncio.new_event_loop()
  try:
    return loop.run_until_complete(coroutine)
  finally:
    loop.close()


def test_no_task_is_left_with_an_error_that_nobody_asked_for(
  monkeypatch, caplog
):
  monkeypatch.setattr(sys, 'unraisablehook', lambda _: None)
  monkeypatch.setattr(logging.getLogger('asyncio'), 'filters', [])
  tasks = []
  with pytest.raises(ReadError):
    _run(_reads(tasks))
  del tasks
  gc.collect()
  assert len(caplog.records) == 4  # else this test tells nothing
  caplog.clear()
  tasks = []
  with pytest.raises(ReadError), orbax_errors.late_threads_ignored():
    _run(_reads(tasks))
  logging.getLogger('asyncio').filters.clear()
  del tasks
  gc.collect()
  assert not caplog.records


def test_tasks_of_running_loops_are_left_alone(monkeypatch, caplog):
  monkeypatch.setattr(sys, 'unraisablehook', lambda _: None)
  monkeypatch.setattr(logging.getLogger('asyncio'), 'filters', [])
  loop = asyncio.new_event_loop()
  future = loop.create_future()
  future.set_exception(ReadError('of others'))
  with pytest.raises(OSError), orbax_errors.late_threads_ignored():
    raise OSError(errno.ENOSPC, 'full')
  del future
  gc.collect()
  assert 'never retrieved' in caplog.text
  loop.close()


def test_callbacks_of_late_threads_are_not_logged(caplog):
  error = RuntimeError('Event loop is closed')
  logger = logging.getLogger('concurrent.futures')
  with orbax_errors.late_threads_ignored():
    logger.error('exception calling callback', exc_info=error)
    logger.error('exception calling callback', exc_info=OSError('other'))
  assert len(caplog.records) == 1 and not logger.filters
