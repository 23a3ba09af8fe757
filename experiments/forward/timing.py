"""Times networks alone, beside the same networks in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
from typing import TYPE_CHECKING, Any

import jax
import networks
from networks import Network
import numpy as np
import psutil
import setting

from magnet_jax.bench import machine
from magnet_jax.types import Size
from magnet_jax.weights import torch_weights

if TYPE_CHECKING:
  from torch_forward import TorchForward

Notify = Callable[[str], None]
_GIGABYTE = 1e9
# Room for what the compiler does not know: PyTorch's copies of inputs and
# maps, and the scratch memory of libraries.
_MARGIN = 1.5


@dataclasses.dataclass(frozen=True)
class Forward:
  """Result for one network and batch.

  Attributes:
    network: its name.
    size: (height, width) of the input.
    batch: B.
    parameters: number in the network, without statistics.
    flops: operations per image, as the compiler counts them; 0 if skipped
      before.
    seconds: of each timed call.
    torch_seconds: of each call of PyTorch, in turns; () without it.
    difference: largest absolute difference of the logits, relative to their
      range; None without PyTorch.
    skipped: why it was not timed; '' where it was.
  """

  network: str
  size: Size
  batch: int
  parameters: int
  flops: float
  seconds: tuple[float, ...] = ()
  torch_seconds: tuple[float, ...] = ()
  difference: float | None = None
  skipped: str = ''

  @property
  def ratios(self) -> tuple[float, ...]:
    """JAX's time divided by PyTorch's for each pair of calls, sorted."""
    pairs = zip(self.seconds, self.torch_seconds, strict=False)
    return tuple(sorted(ours / theirs for ours, theirs in pairs))


def run(
  chosen: Mapping[str, Network],
  batches: Sequence[int],
  *,
  repeats: int = 3,
  dtype: str = 'float32',
  max_gb: float = 0.0,
  max_seconds: float = 0.0,
  notify: Notify = lambda line: None,
) -> Iterator[Forward]:
  """Times each network at each batch; yields results one by one.

  Calls are synchronised and warm; those of JAX and PyTorch alternate, so that
  other load on the machine affects both.

  Args:
    chosen: the networks, by name.
    batches: sizes B, preferably ascending.
    repeats: timed calls.
    dtype: 'float32' or 'bfloat16', of the computation.
    max_gb: memory of a call (1e9 bytes); a batch that needs more is left out.
      0: what is free.
    max_seconds: of a call; a batch that would take longer, going by the batch
      before it, is left out. 0: no limit.
    notify: progress callback.
  """
  for name, network in chosen.items():
    subject = Subject.make(name, network, dtype)
    slowest = 0.0  # seconds per image of the batch before
    for batch in batches:
      reason = _too_slow(slowest * batch, max_seconds)
      if reason:
        yield subject.row(batch, skipped=reason)
        continue
      notify(f'{name}, batch {batch}: compiling')
      program, flops = subject.compile(batch)
      row = subject.row(batch, flops)
      reason = _too_large(program, max_gb)
      if reason:
        yield dataclasses.replace(row, skipped=reason)
        continue
      notify(f'{name}, batch {batch}: timing')
      row = subject.measure(program, row, repeats)
      slowest = max(row.seconds + row.torch_seconds) / batch
      yield row


@dataclasses.dataclass(frozen=True)
class Subject:
  """A network with weights, in JAX and, if installed, in PyTorch.

  Attributes:
    name: of the network.
    network: its description.
    apply: (variables, *maps) -> logits.
    variables: on the device.
    twin: the same in PyTorch, or None.
  """

  name: str
  network: Network
  apply: Callable[..., jax.Array]
  variables: Any
  twin: TorchForward | None

  @classmethod
  def make(cls, name: str, network: Network, dtype: str) -> Subject:
    """Builds both with the same seeded weights."""
    apply, variables = networks.with_weights(network, dtype)
    twin = None
    if setting.has_torch():
      from torch_forward import TorchForward

      twin = TorchForward(
        network.other,
        {'num_classes': network.num_classes, **network.other_settings},
        torch_weights.to_torch(variables, network.names),
        accelerator=machine.accelerated(),
        dtype=dtype,
      )
    return cls(name, network, apply, jax.device_put(variables), twin)

  def row(self, batch: int, flops: float = 0.0, skipped: str = '') -> Forward:
    """Returns the result without times."""
    leaves = jax.tree.leaves(self.variables['params'])
    return Forward(
      self.name,
      self.network.size,
      batch,
      sum(leaf.size for leaf in leaves),
      flops,
      skipped=skipped,
    )

  def compile(self, batch: int) -> tuple[jax.stages.Compiled, float]:
    """Returns the program for a batch, and its operations per image."""
    shapes = [
      jax.ShapeDtypeStruct(shape, np.float32)
      for shape in self.network.shapes(batch)
    ]
    lowered = jax.jit(self.apply).lower(self.variables, *shapes)
    program = lowered.compile()
    return program, machine.operations(lowered, program) / batch

  def measure(
    self, program: jax.stages.Compiled, row: Forward, repeats: int
  ) -> Forward:
    """Times the program, and PyTorch in alternation with it."""
    rng = np.random.default_rng(0)
    maps = [
      rng.standard_normal(shape, np.float32)
      for shape in self.network.shapes(row.batch)
    ]
    placed = jax.device_put(maps)

    def ours() -> jax.Array:
      return program(self.variables, *placed)

    logits = np.asarray(ours())
    time = machine.call_seconds
    if self.twin is None:
      seconds = tuple(time(ours) for _ in range(repeats))
      return dataclasses.replace(row, seconds=seconds)
    self.twin.place(*maps)
    difference = np.abs(logits - self.twin.logits()).max() / np.ptp(logits)
    pairs = [(time(ours), time(self.twin.run)) for _ in range(repeats)]
    return dataclasses.replace(
      row,
      seconds=tuple(pair[0] for pair in pairs),
      torch_seconds=tuple(pair[1] for pair in pairs),
      difference=float(difference),
    )


def _too_large(program: jax.stages.Compiled, max_gb: float) -> str:
  """Why a program cannot run, or ''."""
  memory = program.memory_analysis()
  if memory is None:
    return ''
  needed = _MARGIN * (
    memory.temp_size_in_bytes
    + memory.argument_size_in_bytes
    + memory.output_size_in_bytes
  )
  free = max_gb * _GIGABYTE or _free_memory()
  if needed <= free:
    return ''
  limit = '--max_gb' if max_gb else 'free memory'
  return (
    f'needs about {needed / _GIGABYTE:.1f} GB, {limit} is '
    f'{free / _GIGABYTE:.1f} GB'
  )


def _free_memory() -> float:
  """Bytes that are free where JAX computes."""
  stats = jax.devices()[0].memory_stats()
  if stats and 'bytes_limit' in stats:
    return float(stats['bytes_limit'] - stats['bytes_in_use'])
  return float(psutil.virtual_memory().available)


def _too_slow(expected: float, max_seconds: float) -> str:
  """Why a call takes too long, or ''."""
  if not max_seconds or expected <= max_seconds:
    return ''
  return (
    f'a call takes about {expected:.0f} s, --max_seconds is {max_seconds:g}'
  )
