"""The loss of CascadePSP (Cheng et al., CVPR 2020): of one mask, in all looks.

Cross-entropy where the mask is coarse, distances where it is fine, and at full
size also the difference of the outlines, as Sobel filters see them.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from magnet_jax.models.cascade_psp import Looks
from magnet_jax.types import IGNORE, Array

# Of full size, eighth (first look), quarter and eighth (second), eighth and
# quarter (third).
CROSS_ENTROPY = (0.0, 1.0, 0.5, 1.0, 1.0, 0.5)
DISTANCE = (1.0, 0.0, 0.25, 0.0, 0.0, 0.25)
OUTLINE = 5.0
_LEAST = 1e-4  # square of a slope, below which it has no gradient


def looks_loss(looks: Looks, labels: Array) -> tuple[jax.Array, jax.Array]:
  """Sums the losses of a mask's pixels over all looks.

  Args:
    looks: logits of three looks, [B,h,w] each.
    labels: integers [B,h,w]: 1 inside, 0 outside, IGNORE where neither counts.

  Returns:
    The sum of the losses and the number of pixels that count, float32 [].
  """
  labels = jnp.asarray(labels).astype(jnp.int32)
  valid = labels != IGNORE
  truth = (labels == 1).astype(jnp.float32)
  first, second, third = looks.eighths
  maps = (
    looks.full,
    first,
    looks.quarters[0],
    second,
    third,
    looks.quarters[1],
  )
  losses = jnp.zeros_like(truth)
  for logits, entropy, distance in zip(
    maps, CROSS_ENTROPY, DISTANCE, strict=True
  ):
    if entropy:
      losses += entropy * (jax.nn.softplus(logits) - truth * logits)
    if distance:
      off = jnp.abs(jax.nn.sigmoid(logits) - truth)
      losses += distance * (off + jnp.square(off))
  # What does not count is made right, as the filter sees it from beside it.
  found = jnp.where(valid, jax.nn.sigmoid(looks.full), truth)
  losses += OUTLINE * jnp.abs(slopes(found) - slopes(truth))
  weights = valid.astype(jnp.float32)
  return jnp.sum(losses * weights), jnp.sum(weights)


def slopes(masks: jax.Array) -> jax.Array:
  """Returns how steep masks are: Sobel filters after a mean of 3x3 pixels.

  Args:
    masks: float32 [B,h,w]; beyond the border, its pixels are repeated.

  Returns:
    float32 [B,h,w], sqrt(dy² + dx² + 1e-4), where dy and dx are differences of
    the two neighbours.
  """
  equal, weighted, difference = (1.0, 1.0, 1.0), (1.0, 2.0, 1.0), (-1.0, 0, 1.0)
  mean = _filtered(_filtered(masks, 1, equal), 2, equal) / 9
  dy, dx = (
    _filtered(_filtered(mean, axis, difference), 3 - axis, weighted) / 4
    for axis in (1, 2)
  )
  return jnp.sqrt(jnp.square(dy) + jnp.square(dx) + _LEAST)


def _filtered(
  masks: jax.Array, axis: int, kernel: tuple[float, float, float]
) -> jax.Array:
  """Weighs each pixel and its neighbours along an axis."""
  sides = [(0, 0)] * masks.ndim
  sides[axis] = (1, 1)
  padded = jnp.pad(masks, sides, mode='edge')
  length = masks.shape[axis]
  before, here, after = (
    weight * jax.lax.slice_in_dim(padded, i, i + length, axis=axis)
    for i, weight in enumerate(kernel)
  )
  return before + here + after
