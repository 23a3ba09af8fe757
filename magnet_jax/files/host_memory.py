"""How much memory is free, for checks before anything is taken."""

import pathlib

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
