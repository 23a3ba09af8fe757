"""One step of a segmenter and its gate together, and their evaluation."""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from magnet_jax.cascade import refine_step
from magnet_jax.metrics import confusion, losses
from magnet_jax.models.gate import Gate
from magnet_jax.ops import normalise
from magnet_jax.refiners import scale_attention
from magnet_jax.refiners.refiner import Seen
from magnet_jax.train import steps
from magnet_jax.train.state import TrainState, Variables
from magnet_jax.train.steps import Batch, Loss, Metrics
from magnet_jax.types import InputError

# Of the loss of each scale on its own: windows that are left out have no other
# stage to correct them.
_OWN = 0.5
_LEAST = 1e-6  # of a probability whose logarithm is taken


def join(segmenter: Variables, gate: Variables) -> Variables:
  """Puts the variables of both together, by collection."""
  joined = {kind: {'segmenter': tree} for kind, tree in segmenter.items()}
  joined['params']['gate'] = gate['params']
  return joined


def fused_path(
  variables: Variables,
  batch: Batch,
  *,
  segmenter: nn.Module,
  gate: Gate,
  weights: Callable[[int], Sequence[float]],
) -> tuple[jax.Array, jax.Array]:
  """Runs the cascade on nested windows, on all of them in each stage.

  The segmenter runs as at test time: with the statistics of its own training.

  Args:
    variables: of both, as from `join`.
    batch: images uint8 [B,S,h,w,3], offsets and ratios float32 [B,S,2] of
      each window in the one before it.
    segmenter: the network.
    gate: its gate.
    weights: index of a stage -> its weight in a running mean, or one per class.

  Returns:
    Logits of each stage on its own, float32 [B,S,h,w,C], and the segmentation
    after each later stage, float32 [B,S-1,h,w,C], probabilities.

  Raises:
    InputError: there is only one stage.
  """
  b, s, h, w, _ = batch['images'].shape
  if s < 2:
    raise InputError(
      'fusion scale_attention: fuses the maps of two stages or more, and the '
      'images have 1; set plan.stages, plan.first or plan.factor'
    )
  own = {kind: tree['segmenter'] for kind, tree in variables.items()}
  pixels = normalise.normalise(batch['images'].reshape(b * s, h, w, 3))
  # All stages in one call, as they share the segmenter.
  logits, features = segmenter.apply(own, pixels, features=True)
  logits, features = jax.tree.map(
    lambda x: x.reshape(b, s, *x.shape[1:]), (logits, features)
  )
  logits = logits.astype(jnp.float32)
  scales = jax.nn.softmax(logits)
  method = scale_attention.refiner(
    jax.tree_util.Partial(gate.apply, {'params': variables['params']['gate']})
  )
  current, fused = scales[:, 0], []
  for stage in range(1, s):
    place = batch['offsets'][:, stage], batch['ratios'][:, stage]
    past = np.sum([weights(index) for index in range(stage)], axis=0)
    depth = past / np.maximum(weights(stage), _LEAST)
    seen = Seen(
      coarse=refine_step.crop(current, *place, (h, w)),
      scale=scales[:, stage],
      depth=jnp.broadcast_to(
        jnp.asarray(depth, jnp.float32), (b, h, w, len(depth))
      ),
      features={name: x[:, stage] for name, x in features.items()},
    )
    current = method.probabilities(seen)
    fused.append(current)
  return logits, jnp.stack(fused, axis=1)


def attention_step(
  state: TrainState,
  batch: Batch,
  rate: float | jax.Array = 1.0,
  *,
  segmenter: nn.Module,
  gate: Gate,
  weights: Callable[[int], Sequence[float]],
  loss: Loss,
  optimizer: optax.GradientTransformation,
  decay: float,
) -> tuple[TrainState, Metrics]:
  """Computes one step of a segmenter and its gate on nested windows.

  Args:
    state: before the step.
    batch: as for `fused_path`, and labels uint8 [B,S,h,w].
    rate: factor of the optimizer's learning rate.
    segmenter: as for `fused_path`, with gate and weights.
    gate: as segmenter.
    weights: as segmenter.
    loss: (logits, labels) -> (sum of losses, sum of weights).
    optimizer: of the parameters of both.
    decay: of the average of the variables.

  Returns:
    The state after it, and {'loss', 'gradient_norm'}: the loss of the fused
    maps, and half of that of each scale's own.
  """
  rest = {k: tree for k, tree in state.variables.items() if k != 'params'}

  def loss_of(params: Any) -> tuple[jax.Array, Any]:
    logits, fused = fused_path(
      {**rest, 'params': params},
      batch,
      segmenter=segmenter,
      gate=gate,
      weights=weights,
    )
    labels = batch['labels']
    after = loss(jnp.log(fused + _LEAST), labels[:, 1:])
    own = losses.mean_loss(*loss(logits, labels))
    return losses.mean_loss(*after) + _OWN * own, rest

  return steps.descend(state, loss_of, optimizer, decay, rate)


def evaluate_attention(
  variables: Variables,
  batch: Batch,
  *,
  segmenter: nn.Module,
  gate: Gate,
  weights: Callable[[int], Sequence[float]],
  num_classes: int,
) -> jax.Array:
  """Computes the confusion matrix [C,C] of the last stage on nested windows."""
  _, fused = fused_path(
    variables, batch, segmenter=segmenter, gate=gate, weights=weights
  )
  return confusion.device_confusion_matrix(
    batch['labels'][:, -1], fused[:, -1].argmax(-1), num_classes
  )
