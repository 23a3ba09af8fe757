"""One step of the segmenter's training, and its evaluation: pure functions."""

from collections.abc import Callable
import contextlib
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from magnet_jax.metrics import confusion, losses
from magnet_jax.ops import normalise, points
from magnet_jax.train import accumulation
from magnet_jax.train import state as train_state
from magnet_jax.train.state import TrainState, Variables

Batch = dict[str, jax.Array]
Loss = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
Metrics = dict[str, jax.Array]


def descend(
  state: TrainState,
  loss_of: Callable[[Any], tuple[jax.Array, Any]],
  optimizer: optax.GradientTransformation,
  decay: float,
  rate: float | jax.Array = 1.0,
) -> tuple[TrainState, Metrics]:
  """Computes gradients, updates, and reports the loss and gradient norm.

  Args:
    state: before the step.
    loss_of: parameters -> (loss, the other variables after the forward pass).
    optimizer: of the parameters.
    decay: of the average of the variables.
    rate: factor of the optimizer's learning rate.

  Returns:
    The state after the step, and {'loss', 'gradient_norm'}.
  """
  params = state.variables['params']
  found, gradients = jax.value_and_grad(loss_of, has_aux=True)(params)
  return _follow(
    state, found, gradients, optimizer=optimizer, decay=decay, rate=rate
  )


def _follow(
  state: TrainState,
  found: tuple[jax.Array, Any],
  gradients: Any,
  *,
  optimizer: optax.GradientTransformation,
  decay: float,
  rate: float | jax.Array,
) -> tuple[TrainState, Metrics]:
  """Updates the state by gradients; `found` is the loss and the statistics."""
  loss, statistics = found
  state = train_state.update(
    state,
    gradients,
    statistics,
    optimizer=optimizer,
    decay=decay,
    rate=rate,
  )
  squares = [jnp.sum(jnp.square(g)) for g in jax.tree.leaves(gradients)]
  norm = jnp.sqrt(sum(squares))
  return state, {'loss': loss, 'gradient_norm': norm}


def segmenter_step(
  state: TrainState,
  batch: Batch,
  rate: float | jax.Array = 1.0,
  *,
  segmenter: nn.Module,
  loss: Loss,
  optimizer: optax.GradientTransformation,
  decay: float,
  auxiliary: float = 0.0,
  frozen_trunk: bool = False,
  key: jax.Array | None = None,
  parts: int = 1,
) -> tuple[TrainState, Metrics]:
  """Computes one step of the segmenter on windows of all stages.

  Args:
    state: before the step.
    batch: image uint8 [B,h,w,3] and label uint8 [B,h,w].
    rate: factor of the optimizer's learning rate.
    segmenter: the network.
    loss: (logits, labels) -> (sum of losses, sum of weights).
    optimizer: of its parameters.
    decay: of the average of the variables.
    auxiliary: weight of the loss of each auxiliary head, for networks that
      have one (their collection 'auxiliary').
    frozen_trunk: run the network's module 'trunk' as at test time, without
      gradients, and keep its statistics.
    key: base of the points that are drawn in all steps, for networks that also
      decide single ones (their collection 'points'), whose loss is added.
    parts: of the batch, whose gradients are computed one after the other.

  Returns:
    The state after it, and {'loss', 'gradient_norm'}.
  """

  before = {k: tree for k, tree in state.variables.items() if k != 'params'}
  drawn = {} if key is None else {'points': jax.random.fold_in(key, state.step)}

  def loss_of(
    params: Any, statistics: Any, batch: Batch
  ) -> tuple[jax.Array, Any]:
    with (
      nn.intercept_methods(_freeze)
      if frozen_trunk
      else contextlib.nullcontext()
    ):
      logits, updated = segmenter.apply(
        {**statistics, 'params': params},
        normalise.normalise(batch['image']),
        train=True,
        mutable=[*statistics, 'auxiliary', 'points'],
        rngs=drawn,
      )
    found = losses.mean_loss(*loss(logits, batch['label']))
    for other in jax.tree.leaves(updated.get('auxiliary', {})):
      found += auxiliary * losses.mean_loss(*loss(other, batch['label']))
    if 'points' in updated:
      found += _of_points(updated['points'], batch['label'], loss)
    return found, {kind: updated[kind] for kind in statistics}

  found, gradients = accumulation.gradients(
    loss_of, state.variables['params'], before, batch, parts
  )
  return _follow(
    state, found, gradients, optimizer=optimizer, decay=decay, rate=rate
  )


def _of_points(
  sown: dict[str, tuple[jax.Array]], labels: jax.Array, loss: Loss
) -> jax.Array:
  """The mean loss of points, whose class is that of the pixel they are in."""
  (places,), (logits,) = sown['places'], sown['logits']
  return losses.mean_loss(*loss(logits, points.nearest(labels, places)))


def _freeze(
  call: Callable[..., Any],
  args: tuple[Any, ...],
  keywords: dict[str, Any],
  context: nn.module.InterceptorContext,
) -> Any:
  """Calls a method; the trunk's as at test time, and without gradients."""
  if (context.module.name, context.method_name) != ('trunk', '__call__'):
    return call(*args, **keywords)
  if 'train' in keywords:
    keywords = {**keywords, 'train': False}
  return jax.lax.stop_gradient(call(*args, **keywords))


def evaluate_segmenter(
  variables: Variables, batch: Batch, *, segmenter: nn.Module, num_classes: int
) -> jax.Array:
  """Computes the confusion matrix [C,C] of a batch of windows of all stages."""
  logits = jnp.asarray(
    segmenter.apply(variables, normalise.normalise(batch['image']))
  )
  return confusion.device_confusion_matrix(
    batch['label'], logits.argmax(-1), num_classes
  )
