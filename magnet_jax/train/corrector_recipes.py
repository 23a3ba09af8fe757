"""How each corrector is trained: a new one is a row of RECIPES."""

from collections.abc import Callable, Iterator
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from magnet_jax.data import direction_batches, mask_batches, pipeline
from magnet_jax.metrics import losses
from magnet_jax.refiners.corrector import Corrector
from magnet_jax.refiners.refiner import Seen
from magnet_jax.train import cascade_psp_recipe, loop, segfix_recipe
from magnet_jax.train.corrector_samples import Samples, start_maps
from magnet_jax.train.state import Variables
from magnet_jax.train.steps import Loss


def mean_loss(
  corrector: Corrector, variables: Variables, samples: Samples, loss: Loss
) -> tuple[jax.Array, Variables]:
  """Computes the mean loss of all that a refiner's network returns.

  Args:
    corrector: has a refiner.
    variables: of its network.
    samples: from `start_maps`.
    loss: (logits, labels) -> (sum of losses, sum of weights).

  Returns:
    The loss, and the variables that are no parameters after the pass.
  """
  rest = {kind: tree for kind, tree in variables.items() if kind != 'params'}
  current = dict(variables)

  def network(**inputs: Any) -> jax.Array:
    if not rest:
      return jnp.asarray(corrector.module.apply(current, **inputs))
    logits, updated = corrector.module.apply(
      current, train=True, mutable=[*rest], **inputs
    )
    current.update(updated)  # the next round goes on from these
    return jnp.asarray(logits)

  seen = _seen(samples)
  found = [
    losses.mean_loss(*loss(logits, samples['labels']))
    for logits in corrector.outputs(network, seen)
  ]
  return sum(found, jnp.zeros(())) / len(found), {k: current[k] for k in rest}


def refined(
  corrector: Corrector, variables: Variables, samples: Samples
) -> jax.Array:
  """Computes the classes of corrected maps: int32 [B,h,w]."""
  assert corrector.refiner is not None
  trained = jax.tree_util.Partial(corrector.module.apply, variables)
  found = corrector.refiner(trained).probabilities(_seen(samples))
  return found.argmax(-1)


def uncorrected(samples: Samples) -> jax.Array:
  """Returns the classes of maps that are to be corrected: int32 [B,h,w]."""
  return samples['coarse'].argmax(-1)


def _seen(samples: Samples) -> Seen:
  return Seen(coarse=samples['coarse'], images=samples['images'])


@dataclasses.dataclass(frozen=True)
class Recipe:
  """How a kind of corrector is trained; the defaults are those of a refiner.

  Attributes:
    batches: makes the samples, with the arguments of
      `pipeline.refiner_batches`, whose plan is of two stages: the whole image
      in a window, and windows at full size.
    samples: (frozen segmenter, batch, start=, network=) -> what the loss needs,
      arrays [B,…] by name; it has no gradient.
    loss: (corrector, variables, samples, loss) -> the mean loss, and the
      variables that are no parameters after the pass.
    predict: (corrector, average variables, samples) -> classes [B,h,w], which
      are compared with samples['labels'].
    before: samples -> classes [B,h,w] before they are corrected.
    masks: whether labels are of masks, 1 inside and 0 outside, not of classes.
  """

  batches: Callable[..., Iterator[loop.Batch]] = pipeline.refiner_batches
  samples: Callable[..., Samples] = start_maps
  loss: Callable[..., tuple[jax.Array, Variables]] = mean_loss
  predict: Callable[..., jax.Array] = refined
  before: Callable[[Samples], jax.Array] = uncorrected
  masks: bool = False


RECIPES: dict[str, Recipe] = {
  'deep_guided': Recipe(),
  'iterative': Recipe(),
  'cascade_psp': Recipe(
    batches=mask_batches.mask_batches,
    samples=cascade_psp_recipe.samples,
    loss=cascade_psp_recipe.loss,
    predict=cascade_psp_recipe.predict,
    before=cascade_psp_recipe.before,
    masks=True,
  ),
  'segfix': Recipe(
    batches=direction_batches.segfix_batches,
    samples=segfix_recipe.samples,
    loss=segfix_recipe.loss,
    predict=segfix_recipe.predict,
  ),
}
