"""Attention between scales: a gate on features weighs each stage by pixel."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from magnet_jax import parallel
from magnet_jax.refiners import mean
from magnet_jax.refiners.refiner import Refiner, Seen

NAME = 'scale_attention'
# (features, scale=, coarse=), features by name and probabilities [B,h,w,C]
# both -> logits [B,h,w]
Gate = Callable[..., jax.Array]


def refiner(gate: Gate) -> Refiner:
  """Returns the refiner R = a Y + (1 - a) O, for a share a of each pixel.

  The share is sigmoid(gate + log d), for a depth d: with a gate of 0, R is the
  running mean.

  Args:
    gate: (features, scale=O, coarse=Y) -> logits [B,h,w]; give
      `jax.tree_util.Partial(module.apply, variables)` rather than a closure.
  """
  return Refiner(
    _apply,
    variables=parallel.as_pytree(gate),
    needs=frozenset({'scale', 'depth', 'features'}),
    choice='everywhere',
    any_size=True,
    outputs='probabilities',
    fusion=NAME,
  )


def fuse(
  gate: jax.Array, *, scale: jax.Array, coarse: jax.Array, depth: jax.Array
) -> jax.Array:
  """Computes R: float32 [B,h,w,C], probabilities.

  Args:
    gate: float32 [B,h,w]; minus infinity leaves O alone, infinity Y.
    scale: O, float32 [B,h,w,C], probabilities.
    coarse: Y, float32 [B,h,w,C], probabilities.
    depth: d, float32 [B,h,w,1] or [B,h,w,C]; infinity leaves Y as it is.
  """
  share = jax.nn.sigmoid(gate[..., None] + jnp.log(depth))
  return mean.normalised(scale + share * (coarse - scale), depth)


def _apply(gate: Gate, seen: Seen) -> jax.Array:
  assert seen.scale is not None and seen.depth is not None
  logits = gate(seen.features, scale=seen.scale, coarse=seen.coarse)
  return fuse(logits, scale=seen.scale, coarse=seen.coarse, depth=seen.depth)
