"""Where a segmentation changes from one class to another."""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

T = TypeVar('T', jax.Array, np.ndarray)


def outlines(probabilities: T) -> T:
  """Marks pixels whose class is not that of the pixel below or to the right.

  The last row has none below, the last column none to the right.

  Args:
    probabilities: float32 [H,W,C].

  Returns:
    float32 [H,W], 1 on outlines, else 0.
  """
  xp = np if isinstance(probabilities, np.ndarray) else jnp
  classes = probabilities.argmax(-1)
  below = xp.pad(classes[1:] != classes[:-1], ((0, 1), (0, 0)))
  right = xp.pad(classes[:, 1:] != classes[:, :-1], ((0, 0), (0, 1)))
  return (below | right).astype(np.float32)
