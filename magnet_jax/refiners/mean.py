"""The running mean of the stages that a pixel has seen; nothing is trained."""

import jax
from jax import lax

from magnet_jax.refiners.refiner import Refiner, Seen


def refiner() -> Refiner:
  """Returns the refiner R = (d Y + O) / (d + 1), for a depth d.

  With all windows of all stages, the last map is the weighted mean of the
  stages' own maps; a pixel whose windows were left out has fewer in its mean.
  """
  return Refiner(
    _apply,
    needs=frozenset({'scale', 'depth'}),
    choice='everywhere',
    any_size=True,
    outputs='probabilities',
  )


def mean(*, scale: jax.Array, coarse: jax.Array, depth: jax.Array) -> jax.Array:
  """Computes the mean of d stages and one more: float32 [B,h,w,C].

  Args:
    scale: O, float32 [B,h,w,C], probabilities.
    coarse: Y, float32 [B,h,w,C], the mean of d stages.
    depth: d, float32 [B,h,w,1], or [B,h,w,C], one per class; a huge one leaves
      Y as it is.
  """
  return normalised(coarse + (scale - coarse) / (depth + 1), depth)


def normalised(fused: jax.Array, depth: jax.Array) -> jax.Array:
  """Makes probabilities of classes with depths of their own sum to 1."""
  if depth.shape[-1] == 1:  # they do
    return fused
  # Once, and by class: XLA on CPUs would compute the maps again for the sum.
  fused = lax.optimization_barrier(fused)
  total = fused[..., :1]
  for index in range(1, fused.shape[-1]):
    total = total + fused[..., index : index + 1]
  return fused * (1 / total)


def _apply(variables: object, seen: Seen) -> jax.Array:
  del variables  # there are none
  assert seen.scale is not None and seen.depth is not None
  return mean(scale=seen.scale, coarse=seen.coarse, depth=seen.depth)
