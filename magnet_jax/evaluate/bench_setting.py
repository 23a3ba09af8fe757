"""Where `bench` compares networks: devices, threads, PyTorch."""

import dataclasses
import importlib.util
import os

import jax


@dataclasses.dataclass(frozen=True)
class Setting:
  """Where and how it was measured.

  Attributes:
    device: JAX's.
    threads: that JAX's CPU client uses.
    dtype: of the computation.
    load: processes that ran or waited of late, this one's among them.
    torch_version: '' where PyTorch is missing.
    torch_device: PyTorch's.
    torch_threads: PyTorch's.
  """

  device: str
  threads: int
  dtype: str
  load: float
  torch_version: str = ''
  torch_device: str = ''
  torch_threads: int = 0


def find(dtype: str) -> Setting:
  """The present machine's."""
  device = jax.devices()[0]
  where = 'cpu' if device.platform == 'cpu' else device.device_kind
  threads = _usable_cores()
  load = os.getloadavg()[0] if hasattr(os, 'getloadavg') else 0.0
  if not has_torch():
    return Setting(where, threads, dtype, load)
  from magnet_jax.evaluate import torch_forward

  return Setting(
    where,
    threads,
    dtype,
    load,
    torch_forward.version(),
    *torch_forward.place_and_threads(accelerated()),
  )


def has_torch() -> bool:
  """Whether PyTorch is installed."""
  return importlib.util.find_spec('torch') is not None


def accelerated() -> bool:
  """Whether JAX computes on a GPU."""
  return bool(jax.devices()[0].platform == 'gpu')


def _usable_cores() -> int:
  if hasattr(os, 'sched_getaffinity'):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1
