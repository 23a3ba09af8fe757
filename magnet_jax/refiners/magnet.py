"""MagNet's refiner: sees two maps of a window, no RGB (CVPR 2021, fig. 4)."""

from collections.abc import Callable

import jax

from magnet_jax import parallel
from magnet_jax.refiners.refiner import Refiner, Seen

# (scale=, coarse=), probabilities [B,h,w,C] both -> logits [B,h,w,C]
OfMaps = Callable[..., jax.Array]


def refiner(network: OfMaps) -> Refiner:
  """Returns the refiner that applies a network to the two maps.

  Args:
    network: (scale=O, coarse=Y), probabilities [B,h,w,C] both, -> logits
      [B,h,w,C]; give `jax.tree_util.Partial(module.apply, variables)` rather
      than a closure, so that the variables are arguments of the compiled
      program and not constants.

  >>> import jax.numpy as jnp
  >>> mean = refiner(lambda *, scale, coarse: jnp.log(scale + coarse))
  >>> sorted(mean.needs), mean.choice
  (['scale'], 'points')
  """
  return Refiner(apply=_apply, variables=parallel.as_pytree(network))


def _apply(network: OfMaps, seen: Seen) -> jax.Array:
  return network(scale=seen.scale, coarse=seen.coarse)
