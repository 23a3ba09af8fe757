"""The seeded weights that the reference outputs were made with.

Every array is drawn from a generator seeded with the network and the array's
published name; a golden carries what is not drawn (`calibration`).
"""

from collections.abc import Mapping
from typing import Any
import zlib

import jax
import numpy as np

from magnet_jax.weights import torch_weights


def drawn(network: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
  """The float32 array of one published name, in PyTorch's layout."""
  rng = np.random.default_rng(zlib.crc32((network + name).encode()))
  if name.endswith('running_mean'):
    return np.zeros(shape, np.float32)
  if name.endswith('running_var'):
    return np.ones(shape, np.float32)
  if len(shape) == 4:
    fan_in = shape[1] * shape[2] * shape[3]
    return (rng.standard_normal(shape) * np.sqrt(2.0 / fan_in)).astype('f4')
  if name.endswith('bias'):
    return (0.1 * rng.standard_normal(shape)).astype('f4')
  if shape == (1,):  # slope of a PReLU
    return np.array([0.25], np.float32)
  return (1.0 + 0.2 * rng.uniform(-1, 1, shape)).astype('f4')


def state(
  network: str,
  kind: str,
  template: Mapping[str, Any],
  calibration: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
  """All arrays of a network by their published names.

  Args:
    network: what seeds them, such as 'refiner7'.
    kind: its key in `torch_names.NAMES`.
    template: shapes of our variables of it.
    calibration: arrays by published names that are not drawn.
  """
  blank = jax.tree.map(lambda x: np.zeros(x.shape, np.float32), template)
  names = torch_weights.to_torch(blank, kind, {})
  return {
    name: calibration.get(name, drawn(network, name, array.shape))
    for name, array in names.items()
  }


def variables(
  network: str,
  kind: str,
  template: Mapping[str, Any],
  calibration: Mapping[str, np.ndarray],
) -> dict[str, Any]:
  """The same as our variables, NumPy arrays; arguments as for `state`."""
  found = state(network, kind, template, calibration)
  return torch_weights.from_torch(found, kind, template)[0]
