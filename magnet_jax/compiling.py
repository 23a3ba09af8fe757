"""What compiling leaves behind: memory that nothing uses any more."""

import contextlib
import ctypes
import functools

import jax


@functools.cache
def release_memory() -> None:
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
