"""How CascadePSP learns: from masks that are wrong at random."""

import jax
import jax.numpy as jnp

from magnet_jax.metrics import losses, mask_losses
from magnet_jax.models.cascade_psp import Looks
from magnet_jax.ops import normalise
from magnet_jax.refiners.corrector import Corrector
from magnet_jax.train.corrector_samples import Samples
from magnet_jax.train.state import Variables
from magnet_jax.train.steps import Batch, Loss
from magnet_jax.types import Network, Size


def samples(
  segmenter: Network, batch: Batch, *, start: str, network: Size
) -> Samples:
  """Converts masks to what the network sees; needs no segmenter.

  Args:
    segmenter: not used; like `start` and `network`, an argument of any recipe.
    batch: of `mask_batches.mask_batches`.
    start: not used.
    network: not used.

  Returns:
    'images', normalised float32 [B,h,w,3], 'masks', float32 [B,h,w], 1 inside
    and -1 outside, and 'labels' uint8 [B,h,w].
  """
  del segmenter, start, network
  return {
    'images': normalise.normalise(batch['images']),
    'masks': 2 * batch['masks'].astype(jnp.float32) - 1,
    'labels': batch['labels'],
  }


def loss(
  corrector: Corrector, variables: Variables, found: Samples, loss: Loss
) -> tuple[jax.Array, Variables]:
  """Computes the mean loss over all looks.

  Args:
    corrector: has a `CascadePSP`.
    variables: of it.
    found: from `samples`.
    loss: not used, as it is one of classes.

  Returns:
    The loss, and the variables that are no parameters after the pass.
  """
  del loss
  looks, updated = corrector.module.apply(
    variables,
    found['images'],
    found['masks'],
    train=True,
    mutable=['batch_stats'],
  )
  total = mask_losses.looks_loss(looks, found['labels'])
  return losses.mean_loss(*total), dict(updated)


def predict(
  corrector: Corrector, variables: Variables, found: Samples
) -> jax.Array:
  """Computes where it is inside: int32 [B,h,w], 1 or 0."""
  network = jax.tree_util.Partial(corrector.module.apply, variables)
  looks: Looks = network(found['images'], found['masks'])
  return (looks.full > 0).astype(jnp.int32)


def before(found: Samples) -> jax.Array:
  """Returns where it is inside of masks that are not corrected: int32."""
  return (found['masks'] > 0).astype(jnp.int32)
