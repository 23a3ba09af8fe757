"""The losses of SegFix (Yuan et al., ECCV 2020), as mergeable sums."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from magnet_jax.metrics import losses
from magnet_jax.types import IGNORE, Array


def boundary_loss(
  logits: Array, boundary: Array
) -> tuple[jax.Array, jax.Array]:
  """Sums the cross-entropy of outlines, balanced by how many there are.

  A class of n of N pixels has the weight 1 - n / N.

  Args:
    logits: [...,2], any float type; computed in float32.
    boundary: integers [...], 1 near an outline, else 0; other values do not
      count.

  Returns:
    The sum of the weighted losses and the sum of the weights, float32 [], for
    `losses.mean_loss`; both 0 if all pixels are alike.
  """
  counts = jnp.stack([jnp.sum(boundary == index) for index in (0, 1)])
  counts = counts.astype(jnp.float32)
  shares = counts / jnp.maximum(counts.sum(), 1.0)
  return losses.cross_entropy(logits, boundary, class_weights=1 - shares)


def direction_loss(
  logits: Array, direction: Array, *, boundary: Array
) -> tuple[jax.Array, jax.Array]:
  """Sums the cross-entropy of directions where outlines are predicted.

  Args:
    logits: [...,8], any float type; computed in float32.
    direction: integers [...]; values outside 0..7 do not count.
    boundary: logits [...,2] of outlines; where their probability is at most
      0.5, nothing counts. No gradient passes through them.

  Returns:
    The sum of the losses and the number of pixels, float32 [].
  """
  near = boundary[..., 1] > boundary[..., 0]
  none = jnp.asarray(IGNORE, direction.dtype)
  return losses.cross_entropy(logits, jnp.where(near, direction, none))
