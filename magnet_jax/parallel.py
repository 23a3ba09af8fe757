"""Windows over devices: the only file that counts devices or says pmap."""

from collections.abc import Callable
import functools
from typing import Any, NamedTuple

from flax import jax_utils
import jax
import numpy as np

Step = Callable[..., Any]

WINDOWS = 'windows'  # the axis that is split


class _Shards(NamedTuple):
  """Results whose leading axis counts devices; a pytree to wait for."""

  results: Any


def device_count() -> int:
  """Number of devices that windows are shared among in this process."""
  return jax.local_device_count()


@functools.lru_cache(maxsize=64)
def _compiled(step: Step, devices: int, settings: tuple[Any, ...]) -> Step:
  """One compiled function for one step, its settings and the devices."""
  bound = functools.partial(step, **dict(settings))
  if devices == 1:
    return jax.jit(bound)
  return jax.pmap(bound, axis_name=WINDOWS)


def _as_pytree(network: Any) -> Any:
  """A plain function is no pytree; bound to no arguments it is one."""
  if callable(network) and jax.tree_util.all_leaves([network]):
    return jax.tree_util.Partial(network)
  return network


def over_devices(
  step: Step, *networks: Any, devices: int | None = None, **settings: Any
) -> Step:
  """Binds networks to a step that runs its windows on all devices.

  Args:
    step: function (*networks, **arrays) whose arrays all start with the
      number of windows B and which treats windows independently.
    *networks: pytrees (`jax.tree_util.Partial` of a function and its
      variables), put on every device once, or plain functions, whose
      variables become constants of the program.
    devices: how many to use; all by default.
    **settings: hashable static keyword arguments of the step.

  Returns:
    A function of the arrays alone, which does not wait for its results; B
    must be a multiple of the devices. `fetch` brings the results back.
  """
  count = devices or device_count()
  networks = tuple(_as_pytree(network) for network in networks)
  run = _compiled(step, count, tuple(sorted(settings.items())))
  if count == 1:
    placed = jax.device_put(networks)
    return lambda **arrays: run(*placed, **arrays)
  placed = jax_utils.replicate(networks, jax.local_devices()[:count])

  def on_all(**arrays: np.ndarray) -> Any:
    split = {
      name: np.reshape(array, (count, -1, *array.shape[1:]))
      for name, array in arrays.items()
    }
    return _Shards(run(*placed, **split))

  return on_all


def fetch(results: Any) -> Any:
  """Waits for what a function of `over_devices` returned; NumPy, [B,...]."""
  host = jax.device_get(results)
  if isinstance(host, _Shards):
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), host.results)
  return host
