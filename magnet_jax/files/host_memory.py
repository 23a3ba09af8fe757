"""How much memory is free, and giving back what is not needed any more."""

import contextlib
import ctypes
import functools
import pathlib

import jax
import psutil

from magnet_jax.types import InputError

_SHARE = 0.5  # of the free memory: what is read is worked on as well


def free() -> int:
  """Returns the bytes of free memory, within the limit of this group."""
  found = int(psutil.virtual_memory().available)
  group = pathlib.Path('/sys/fs/cgroup')
  try:
    limit = (group / 'memory.max').read_text().strip()
    used = (group / 'memory.current').read_text()
    return min(found, max(0, int(limit) - int(used)))
  except (OSError, ValueError):  # no such group, or 'max'
    return found


class TooLargeError(InputError):
  """What a header claims does not fit into memory."""


def check(name: str, needed: int) -> None:
  """Raises TooLargeError unless so many bytes fit into the free memory.

  Args:
    name: of the file, for the message.
    needed: bytes, as its header tells them.
  """
  allowed = int(_SHARE * free())
  if needed > allowed:
    raise TooLargeError(
      f'{name}: would take {needed / 1e9:.2f} GB of memory, more than half of '
      f'what is free ({allowed / 1e9:.2f} GB); free some, or use a smaller file'
    )


@functools.cache
def release_after_compiling() -> None:
  """Gives what a compiler has freed back to the system, from now on.

  XLA takes hundreds of megabytes to compile a network on a CPU. The C library
  keeps what has been freed of them, so that they would add to what an image
  needs.
  """

  def release(event: str, duration_secs: float, **details: str | int) -> None:
    del duration_secs, details
    if event.endswith('backend_compile_duration'):
      _release()

  jax.monitoring.register_event_duration_secs_listener(release)


def _release() -> None:
  # Only glibc, the C library of most Linux systems, has the function; Windows
  # has no library that goes without a name.
  with contextlib.suppress(OSError, AttributeError, TypeError):
    ctypes.CDLL(None).malloc_trim(0)
