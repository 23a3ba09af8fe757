"""What the benchmarks run on, and how a call is timed there."""

from collections.abc import Callable
import dataclasses
import os
import statistics
import time

import jax
import psutil


@dataclasses.dataclass(frozen=True)
class Machine:
  """Where a benchmark ran.

  Attributes:
    device: 'cpu', or the kind of the accelerator.
    threads: cores that this process may use.
    load: processes that recently ran or waited to run, this one included.
  """

  device: str
  threads: int
  load: float


def find() -> Machine:
  """Describes the present machine."""
  device = jax.devices()[0]
  return Machine(
    'cpu' if device.platform == 'cpu' else device.device_kind,
    _usable_cores(),
    os.getloadavg()[0] if hasattr(os, 'getloadavg') else 0.0,
  )


def accelerated() -> bool:
  """Returns whether JAX computes on a GPU."""
  return bool(jax.devices()[0].platform == 'gpu')


def call_seconds(call: Callable[[], object]) -> float:
  """Times one call, until its results are there."""
  start = time.perf_counter()
  jax.block_until_ready(call())
  return time.perf_counter() - start


def median_seconds(call: Callable[[], object], repeats: int) -> float:
  """Returns the median time of several calls.

  Args:
    call: called once more than `repeats`, first to compile and to warm up.
    repeats: timed calls.
  """
  jax.block_until_ready(call())
  return statistics.median(call_seconds(call) for _ in range(repeats))


def operations(
  lowered: jax.stages.Lowered, program: jax.stages.Compiled
) -> float:
  """Returns the floating-point operations of a call, as XLA counts them.

  Args:
    lowered: the call, as `jax.jit(…).lower` gives it.
    program: that, compiled.
  """
  counted = _flops(program.cost_analysis())
  if not accelerated():
    return counted
  # A compiled program does not count what it leaves to a GPU's libraries.
  return max(counted, _flops(lowered.cost_analysis()))


def check_memory(program: jax.stages.Compiled) -> None:
  """Raises MemoryError for a program that needs more than a host has free.

  Accelerators raise by themselves; a host would slow down until it fails.
  """
  needed = program.memory_analysis()
  if accelerated() or needed is None:
    return
  total = needed.temp_size_in_bytes + needed.output_size_in_bytes
  free = psutil.virtual_memory().available
  if total > free:
    raise MemoryError(
      f'needs {total / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free'
    )


def _flops(analysis: object) -> float:
  return float(analysis['flops']) if isinstance(analysis, dict) else 0.0


def _usable_cores() -> int:
  if hasattr(os, 'sched_getaffinity'):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1
