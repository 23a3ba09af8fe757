"""How SegFix learns: from images and their labels, without any map."""

import jax
import jax.numpy as jnp

from magnet_jax.metrics import losses, offset_losses
from magnet_jax.models.segfix import BOUNDARY
from magnet_jax.ops import offsets
from magnet_jax.refiners.corrector import Corrector
from magnet_jax.train.corrector_samples import Samples, start_maps
from magnet_jax.train.state import Variables
from magnet_jax.train.steps import Batch, Loss
from magnet_jax.types import Network, Size


def samples(
  segmenter: Network, batch: Batch, *, start: str, network: Size
) -> Samples:
  """Makes the samples of `start_maps`, with boundaries and directions.

  The maps are corrected when the network is validated; where nothing asks for
  them, the compiler leaves the segmenter out.

  Args:
    segmenter: as for `start_maps`, with start and network.
    batch: of `direction_batches.segfix_batches`.
    start: as segmenter.
    network: as segmenter.
  """
  maps = start_maps(segmenter, batch, start=start, network=network)
  return maps | {name: batch[name] for name in ('boundary', 'direction')}


def loss(
  corrector: Corrector, variables: Variables, samples: Samples, loss: Loss
) -> tuple[jax.Array, Variables]:
  """Computes the sum of the mean losses of boundaries and directions.

  Args:
    corrector: whose module is a `segfix.SegFix`.
    variables: of the module.
    samples: of the function `samples`.
    loss: of classes, of which SegFix knows nothing.

  Returns:
    The loss, and the variables that are no parameters after the pass.
  """
  del loss
  logits, updated = corrector.module.apply(
    variables,
    samples['images'],
    train=True,
    mutable=[kind for kind in variables if kind != 'params'],
  )
  near, inwards = logits[..., :BOUNDARY], logits[..., BOUNDARY:]
  parts = (
    offset_losses.boundary_loss(near, samples['boundary']),
    offset_losses.direction_loss(inwards, samples['direction'], boundary=near),
  )
  one, other = (losses.mean_loss(*each) for each in parts)
  return one + other, dict(updated)


def predict(
  corrector: Corrector, variables: Variables, samples: Samples
) -> jax.Array:
  """Computes the classes of corrected maps: int32 [B,h,w]."""
  logits = jnp.asarray(corrector.module.apply(variables, samples['images']))
  near = logits[..., 1] > logits[..., 0]
  codes = jnp.where(near, logits[..., BOUNDARY:].argmax(-1) + 1, 0)
  return moved(samples['coarse'].argmax(-1), codes)


def moved(classes: jax.Array, codes: jax.Array) -> jax.Array:
  """Does what `offsets.apply` does, on devices: [B,h,w].

  Args:
    classes: integers [B,h,w].
    codes: integers [B,h,w].
  """
  count, height, width = classes.shape
  moves = jnp.asarray(offsets.MOVES, jnp.int32)[codes]
  rows = jnp.arange(height, dtype=jnp.int32)[None, :, None]
  columns = jnp.arange(width, dtype=jnp.int32)[None, None]
  above = jnp.clip(rows + moves[..., 0], 0, height - 1)
  beside = jnp.clip(columns + moves[..., 1], 0, width - 1)
  places = (above * width + beside).reshape(count, -1)
  flat = classes.reshape(count, -1)
  return jnp.take_along_axis(flat, places, axis=1).reshape(classes.shape)
