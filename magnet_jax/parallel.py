"""Devices and processes: the only file that counts or names them.

Windows are independent: `over_devices` maps them with pmap over the devices of
this process. The rows of a training batch are not, as batch normalisation and
hard example mining see all of them: a `Team` of all devices of all processes
runs one program over the whole batch, split by rows.
"""

from collections.abc import Callable, Iterator
import contextlib
import contextvars
import dataclasses
import functools
import json
from typing import Any, NamedTuple, TypeVar

from flax import jax_utils
import jax
from jax.experimental import multihost_utils
import numpy as np

from magnet_jax import compiling, coordinator
from magnet_jax.types import InputError

Step = Callable[..., Any]
Tree = TypeVar('Tree')

WINDOWS = 'windows'  # the axis that pmap splits
# A thread that a block of `use_devices` starts sees its choice only if it runs
# in a copy of its context; cascades and teams look once, when they are made.
_chosen: contextvars.ContextVar[int] = contextvars.ContextVar(
  'devices', default=0
)


class _Shards(NamedTuple):
  """Results whose leading axis counts the devices; a pytree."""

  results: object


@contextlib.contextmanager
def use_devices(count: int) -> Iterator[None]:
  """Limits the work of a block to `count` devices of this process; 0: all.

  Raises:
    InputError: there are fewer devices.
  """
  present = jax.local_device_count()
  if not 0 <= count <= present:
    raise InputError(
      f'--devices={count}: there are {present} of the kind '
      f'{jax.devices()[0].platform}; choose 1 to {present}, or 0 for all'
    )
  before = _chosen.set(count)
  try:
    yield
  finally:
    _chosen.reset(before)


def device_count() -> int:
  """Returns the number of devices that this process divides windows among."""
  return _chosen.get() or jax.local_device_count()


def device_memory() -> int | None:
  """Returns the bytes of each device; None if it shares the host memory."""
  devices = jax.local_devices()
  if devices[0].platform == 'cpu':
    return None
  known = [device.memory_stats() or {} for device in devices]
  return min(
    (k['bytes_limit'] for k in known if 'bytes_limit' in k), default=None
  )


def device_peak() -> int | None:
  """Returns the most bytes that a device has used since the process began.

  Of the device that has used most; None if they share the host memory, or do
  not say.
  """
  known = [device.memory_stats() or {} for device in jax.local_devices()]
  peaks = [k['peak_bytes_in_use'] for k in known if 'peak_bytes_in_use' in k]
  return max(peaks, default=None)


def process() -> int:
  """Returns the index of this process, from 0."""
  return jax.process_index()


def processes() -> int:
  """Returns how many processes share the work."""
  return jax.process_count()


def is_main() -> bool:
  """Returns whether this process writes and prints what all share."""
  return process() == 0


def gather(value: Tree) -> list[Tree]:
  """Returns the JSON values of all processes in order; waits for all of them.

  All processes must call it equally often. It goes through the coordinator
  rather than the devices, so that it may wait for days.
  """
  if processes() == 1:
    return [value]
  texts = coordinator.exchange(json.dumps(value), process(), processes())
  return [json.loads(text) for text in texts]


def from_main(make: Callable[[], Tree], shapes: Callable[[], object]) -> Tree:
  """Broadcasts what process 0 makes; the others do not need its files.

  Args:
    make: called in process 0 only; returns a tree of arrays.
    shapes: called in the others; returns a tree of their shapes.
  """
  if processes() == 1:
    return make()
  tree = make() if is_main() else jax.tree.map(_blank, shapes())
  return multihost_utils.broadcast_one_to_all(tree)


def _blank(leaf: jax.ShapeDtypeStruct) -> np.ndarray:
  """Returns zeros to be replaced by what another process sends."""
  return np.zeros(leaf.shape, leaf.dtype)


@functools.lru_cache(maxsize=64)
def _compiled(
  step: Step, devices: int, settings: tuple[tuple[str, object], ...]
) -> Step:
  """Compiles a step once for its settings and number of devices."""
  compiling.release_memory()
  bound = functools.partial(step, **dict(settings))
  if devices == 1:
    return jax.jit(bound)
  # Local devices only: each process works on windows of its own.
  local = jax.local_devices()[:devices]
  return jax.pmap(bound, axis_name=WINDOWS, devices=local)


def as_pytree(network: object) -> object:
  """Makes a plain function a pytree by binding it to no arguments."""
  if callable(network) and jax.tree_util.all_leaves([network]):
    return jax.tree_util.Partial(network)
  return network


def over_devices(
  step: Step, *networks: object, devices: int | None = None, **settings: object
) -> Step:
  """Binds networks to a step that runs its windows on all devices.

  Args:
    step: function (*networks, **arrays) that treats windows independently;
      the first axis of every array counts the windows, B.
    *networks: pytrees (`jax.tree_util.Partial` of a function and its
      variables), copied to every device once, or plain functions, whose
      variables become constants of the program.
    devices: how many to use; all by default.
    **settings: hashable static keyword arguments of the step.

  Returns:
    A function of the arrays alone, which does not wait for its results; B
    must be a multiple of the number of devices. `fetch` returns the results.
  """
  count = devices or device_count()
  networks = tuple(as_pytree(network) for network in networks)
  run = _compiled(step, count, tuple(sorted(settings.items())))
  if count == 1:
    placed = jax.device_put(networks)
    return lambda **arrays: run(*placed, **arrays)
  placed = jax_utils.replicate(networks, jax.local_devices()[:count])

  def on_all(**arrays: np.ndarray) -> _Shards:
    split = {
      name: np.reshape(array, (count, -1, *array.shape[1:]))
      for name, array in arrays.items()
    }
    return _Shards(run(*placed, **split))

  return on_all


def fetch(results: Any) -> Any:
  """Waits for the results of `over_devices`; returns NumPy arrays [B,...]."""
  host = jax.device_get(results)
  if isinstance(host, _Shards):
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), host.results)
  return host


@dataclasses.dataclass(frozen=True)
class Team:
  """Devices of all processes that share the rows of each batch.

  A step is compiled for the whole batch; the compiler splits it and inserts
  the sums over devices. So means are over the whole batch, whatever the
  number of devices.

  Attributes:
    devices: equally many per process, process by process.
    note: one line for the user if some devices stay idle, else ''.
  """

  devices: tuple[jax.Device, ...]
  note: str = ''

  def _sharding(self, *axes: str) -> jax.sharding.NamedSharding:
    mesh = jax.sharding.Mesh(np.asarray(self.devices), ('rows',))
    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))

  def split(self, batch: Tree) -> Tree:
    """Places the rows of this process as its part of the whole batch."""
    place = functools.partial(
      jax.make_array_from_process_local_data, self._sharding('rows')
    )
    return jax.tree.map(place, batch)

  def copy(self, tree: Tree) -> Tree:
    """Copies arrays that all processes have to every device."""
    if processes() == 1:
      return jax.device_put(tree, self._sharding())
    place = functools.partial(
      jax.make_array_from_process_local_data, self._sharding()
    )
    return jax.tree.map(place, jax.tree.map(np.asarray, tree))

  def compile(self, step: Step, *, donate: bool = False) -> Step:
    """Compiles a function of copied trees and split batches.

    Args:
      step: (tree, batch, …) -> tree, which every device holds whole.
      donate: whether to reuse the memory of the first argument.
    """
    given = 0 if donate else ()
    return jax.jit(step, donate_argnums=given, out_shardings=self._sharding())


def one_device() -> Team:
  """Returns a team of the first device of this process."""
  return Team((jax.local_devices()[0],))


def team(rows: int, name: str) -> Team:
  """Chooses the devices for batches of so many rows, of equal shares.

  Without a choice by `use_devices` as many as divide the rows evenly.

  Args:
    rows: rows of a batch, over all processes.
    name: the setting that gives them, for messages.

  Raises:
    InputError: the rows cannot be divided evenly.
  """
  count, chosen = processes(), _chosen.get()
  local = min(
    sum(device.process_index == each for device in jax.devices())
    for each in range(count)
  )
  use = chosen or local
  all_of_them = use * count
  if rows % count or (chosen and rows % all_of_them):
    split = all_of_them if chosen else count
    kind = 'devices' if chosen else 'processes'
    raise InputError(
      f'{name} {rows}: must be a multiple of the {split} {kind}, which take '
      f'equally many rows each; set it to {-(-rows // split) * split}'
      + (' or change --devices' if chosen else '')
    )
  use = max(n for n in range(1, use + 1) if rows // count % n == 0)
  note = (
    f'{name} {rows}: splits evenly over {use * count} of the {all_of_them} '
    f'devices; {-(-rows // all_of_them) * all_of_them} would use all'
    if use * count < all_of_them
    else ''
  )
  members = [
    device
    for each in range(count)
    for device in [d for d in jax.devices() if d.process_index == each][:use]
  ]
  return Team(tuple(members), note)
