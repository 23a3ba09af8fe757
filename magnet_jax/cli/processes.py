"""Several processes as one run, which end together when one of them fails.

Otherwise the others would wait forever in their next common step. So a failure
is published in the coordinator's store, which every process checks twice a
second. The first one to fail prints its message, the others end silently.
"""

from collections.abc import Iterator
import contextlib
import multiprocessing
import os
import sys
import threading
import time
import traceback
from typing import NoReturn

from magnet_jax import coordinator, outside, parallel
from magnet_jax.cli import messages

_FAILURE = 'failure'
_LEFT = 'left'
_PERIOD = 0.5  # seconds between two checks
_PATIENCE = 10.0  # seconds that the coordinator waits for the others
_BAD_INPUT, _BUG, _INTERRUPTED = 2, 1, 130  # exit statuses


@contextlib.contextmanager
def together() -> Iterator[None]:
  """Runs a block that ends in all processes when it fails in one."""
  if parallel.processes() == 1:
    yield
    return
  done = threading.Event()
  watch = threading.Thread(target=_watch, args=(done,), daemon=True)
  watch.start()
  try:
    yield
    # No process leaves while another one may still fail.
    parallel.gather(None)
  except KeyboardInterrupt:
    _fail(messages.INTERRUPTED, _INTERRUPTED)
  except Exception as error:
    _fail(_explain(error), _BAD_INPUT, error)
  finally:
    done.set()
    watch.join()


def _explain(error: Exception) -> str | None:
  line = messages.explain(error)
  if line is None and isinstance(error, RuntimeError):
    # From the connection between devices, which has no error type of its own.
    reason = str(error).strip().partition('\n')[0][:200]
    for word in ('Gloo', 'NCCL', 'UNAVAILABLE', 'peer', 'heartbeat'):
      if word.lower() in reason.lower():
        return (
          f'another process of this run is gone ({reason}); see what it '
          'printed, and start all of them again: finished work is kept'
        )
  return line


def _fail(
  line: str | None, status: int, error: Exception | None = None
) -> NoReturn:
  """Prints the error unless another process failed before, and ends."""
  status = status if line else _BUG
  if coordinator.publish(_FAILURE, str(status)):
    where = f'process {parallel.process()} of {parallel.processes()}: '
    if line:
      messages.show(where + line)
      if error:
        outside.told(error)
    else:
      print(where, file=sys.stderr)
      traceback.print_exception(error)
  _leave(status)


def _watch(done: threading.Event) -> None:
  """Ends this process when another one has failed."""
  while not done.wait(_PERIOD):
    status = coordinator.published(_FAILURE)
    # One more period: if this process failed itself, it has to print first.
    if status is not None and not done.wait(_PERIOD):
      _leave(int(status))


def _leave(status: int) -> NoReturn:
  """Ends at once, skipping JAX's exit, which waits for all processes."""
  coordinator.publish(f'{_LEFT}/{parallel.process()}', '')
  if parallel.is_main():
    # The coordinator lives in process 0, so it goes last.
    _await_others()
  for child in multiprocessing.active_children():
    child.terminate()
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(status)


def _await_others() -> None:
  end = time.monotonic() + _PATIENCE
  for each in range(parallel.processes()):
    while coordinator.published(f'{_LEFT}/{each}') is None:
      if time.monotonic() > end:
        return
      time.sleep(_PERIOD / 10)
