"""Words that processes leave for each other at JAX's coordinator.

They go by the network, not by the devices, whose links do not wait for days.
"""

import itertools
from typing import Protocol

import jax

_FOREVER = 10**9  # milliseconds; other processes may still work for days
_rounds = itertools.count()


class _Store(Protocol):
  """The store of JAX's coordinator: what this file uses of it."""

  def key_value_set(self, key: str, value: str) -> None:
    """Sets a key; raises JaxRuntimeError if it is set already."""

  def blocking_key_value_get(self, key: str, timeout_in_ms: int) -> str:
    """Waits until a key is set."""
    ...

  def key_value_try_get(self, key: str) -> str:
    """Does not wait; raises JaxRuntimeError if the key is not set."""
    ...


def publish(key: str, value: str) -> bool:
  """Publishes a value to the other processes; False if the key is taken."""
  try:
    _store().key_value_set(f'magnet_jax/{key}', value)
  except jax.errors.JaxRuntimeError:
    return False
  return True


def published(key: str) -> str | None:
  """Returns what a process has published under a key, if any; never waits."""
  try:
    value: str = _store().key_value_try_get(f'magnet_jax/{key}')
  except jax.errors.JaxRuntimeError:
    return None
  return value


def exchange(text: str, process: int, processes: int) -> list[str]:
  """Returns the texts of all processes in order; waits for all of them.

  Args:
    text: of this process.
    process: its index.
    processes: how many call this, equally often.
  """
  store = _store()
  key = f'magnet_jax/gather/{next(_rounds)}'
  store.key_value_set(f'{key}/{process}', text)
  return [
    store.blocking_key_value_get(f'{key}/{each}', _FOREVER)
    for each in range(processes)
  ]


def _store() -> _Store:
  """Returns where processes leave words for each other.

  JAX has no public name for it: `jax.distributed` starts and stops the
  coordinator, and what `multihost_utils` sends goes by the devices, whose
  links do not wait for days. Nothing else here uses a private name of JAX.
  """
  from jax._src import distributed

  store: _Store | None = distributed.global_state.client
  assert store is not None, 'there is none before the processes have met'
  return store
