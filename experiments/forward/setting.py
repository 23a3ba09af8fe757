"""What the networks are timed on: the machine, and PyTorch."""

import dataclasses
import importlib.util

from magnet_jax.bench import machine as machines
from magnet_jax.bench.machine import Machine


@dataclasses.dataclass(frozen=True)
class Setting:
  """Where and how the networks were timed.

  Attributes:
    machine: JAX's device, and the host.
    dtype: of the computation.
    torch_version: '' without PyTorch.
    torch_device: PyTorch's.
    torch_threads: PyTorch's.
  """

  machine: Machine
  dtype: str
  torch_version: str = ''
  torch_device: str = ''
  torch_threads: int = 0


def find(dtype: str) -> Setting:
  """Describes the present machine."""
  machine = machines.find()
  if not has_torch():
    return Setting(machine, dtype)
  import torch_forward

  return Setting(
    machine,
    dtype,
    torch_forward.version(),
    *torch_forward.place_and_threads(machines.accelerated()),
  )


def has_torch() -> bool:
  """Returns whether PyTorch is installed."""
  return importlib.util.find_spec('torch') is not None
