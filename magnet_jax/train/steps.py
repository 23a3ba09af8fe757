"""One step of either training, and its evaluation, as pure functions."""

from collections.abc import Callable
import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from magnet_jax.metrics import confusion, losses
from magnet_jax.ops import normalise, resize, selection
from magnet_jax.train import state as train_state
from magnet_jax.train.state import TrainState, Variables
from magnet_jax.types import Size

Batch = dict[str, jax.Array]
Loss = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
Metrics = dict[str, jax.Array]


def _descend(
  state: TrainState,
  loss_of: Callable[[Any], tuple[jax.Array, Any]],
  optimizer: optax.GradientTransformation,
  decay: float,
) -> tuple[TrainState, Metrics]:
  """Differentiates, updates, and reports the loss and the gradient's norm."""
  (loss, batch_stats), gradients = jax.value_and_grad(loss_of, has_aux=True)(
    state.variables['params']
  )
  state = train_state.update(
    state, gradients, batch_stats, optimizer=optimizer, decay=decay
  )
  squares = [jnp.sum(jnp.square(g)) for g in jax.tree.leaves(gradients)]
  norm = jnp.sqrt(sum(squares))
  return state, {'loss': loss, 'gradient_norm': norm}


def segmenter_step(
  state: TrainState,
  batch: Batch,
  *,
  segmenter: nn.Module,
  loss: Loss,
  optimizer: optax.GradientTransformation,
  decay: float,
) -> tuple[TrainState, Metrics]:
  """One step of the segmenter on windows of all stages.

  Args:
    state: before the step.
    batch: image uint8 [B,h,w,3] and label uint8 [B,h,w].
    segmenter: the network.
    loss: (logits, labels) -> (sum of losses, sum of weights).
    optimizer: of its parameters.
    decay: of the average of the variables.

  Returns:
    The state after it, and {'loss', 'gradient_norm'}.
  """

  def loss_of(params: Any) -> tuple[jax.Array, Any]:
    logits, updated = segmenter.apply(
      {'params': params, 'batch_stats': state.variables['batch_stats']},
      normalise.normalise(batch['image']),
      train=True,
      mutable=['batch_stats'],
    )
    total, weight = loss(logits, batch['label'])
    return losses.mean_loss(total, weight), updated['batch_stats']

  return _descend(state, loss_of, optimizer, decay)


def evaluate_segmenter(
  variables: Variables, batch: Batch, *, segmenter: nn.Module, classes: int
) -> jax.Array:
  """Confusion matrix [C,C] of a batch of windows of all stages."""
  logits = jnp.asarray(
    segmenter.apply(variables, normalise.normalise(batch['image']))
  )
  return confusion.device_confusion_matrix(
    batch['label'], logits.argmax(-1), classes
  )


def cascade_pairs(
  refiner_variables: Variables,
  batch: Batch,
  *,
  segmenter: Callable[..., Any],
  refiner: nn.Module,
  points: float | int,
  kernel: int,
  pairing: str,
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Runs the cascade down nested windows and keeps what the refiner meets.

  With pairing 'cascade' every stage's coarse map is the crop of what the
  stages before it made of the image, with the refiner as it is now: just what
  it meets at test time. With 'coarsest' (the original's) it is always the
  crop of stage 0, unrefined.

  Args:
    refiner_variables: of the refiner, as it is now.
    batch: images uint8 [B,S,h,w,3], offsets and ratios float32 [B,S,2] of
      each window in the one before it.
    segmenter: normalised images [N,h,w,3] -> logits [N,h,w,C], frozen.
    refiner: the network.
    points: K per window.
    kernel: odd side of the median filter.
    pairing: 'cascade' or 'coarsest'.

  Returns:
    O and Y of stages 1 … S-1, each [B,S-1,h,w,C], and the final map
    [B,h,w,C] after the last stage.
  """
  b, s, h, w, _ = batch['images'].shape
  flat = normalise.normalise(batch['images'].reshape(b * s, h, w, 3))
  scales = jax.nn.softmax(segmenter(flat)).reshape(b, s, h, w, -1)
  most = selection.count_points(points, h * w)
  crop = jax.vmap(
    lambda m, o, r: resize.sample(m, offset=o, ratio=r, size=(h, w))
  )
  rate = jax.vmap(
    lambda y, r: selection.choose(
      selection.score(coarse=y, refined=r, kernel=kernel),
      jnp.asarray(most, jnp.int32),
      most,
    )
  )

  def refined(scale: jax.Array, coarse: jax.Array) -> jax.Array:
    logits = refiner.apply(refiner_variables, scale=scale, coarse=coarse)
    refined = jax.nn.softmax(jnp.asarray(logits))
    return jnp.where(rate(coarse, refined)[..., None], refined, coarse)

  current = scales[:, 0]
  coarse = []
  for stage in range(1, s):
    place = batch['offsets'][:, stage], batch['ratios'][:, stage]
    coarse.append(crop(current, *place))
    last = stage == s - 1
    if pairing == 'cascade' or last:
      current = refined(scales[:, stage], coarse[-1])
    else:
      current = coarse[-1]
  pairs = scales[:, 1:], jnp.stack(coarse, axis=1), current
  return jax.lax.stop_gradient(pairs)


def _random_crop(
  key: jax.Array, window: tuple[int, ...], crop: Size
) -> Callable[[jax.Array], jax.Array]:
  """A function that cuts one random crop of all [B,S,h,w,...], flattened."""
  limits = jnp.asarray([window[0] - crop[0], window[1] - crop[1]]) + 1
  corner = jax.random.randint(key, (2,), 0, limits)

  def cut(windows: jax.Array) -> jax.Array:
    for axis in (0, 1):
      windows = jax.lax.dynamic_slice_in_dim(
        windows, corner[axis], crop[axis], axis + 2
      )
    return windows.reshape(-1, *windows.shape[2:])

  return cut


def refiner_step(
  state: TrainState,
  batch: Batch,
  segmenter_variables: Variables,
  *,
  segmenter: nn.Module,
  refiner: nn.Module,
  loss: Loss,
  optimizer: optax.GradientTransformation,
  decay: float,
  points: float | int,
  kernel: int,
  pairing: str,
  crop: Size,
  key: jax.Array,
) -> tuple[TrainState, Metrics]:
  """One step of the refiner on nested windows, the segmenter frozen.

  Args:
    state: before the step.
    batch: as for `cascade_pairs`, and labels uint8 [B,S,h,w].
    segmenter_variables: of the segmenter.
    segmenter: the frozen network.
    refiner: the network in training.
    loss: (logits, labels) -> (sum of losses, sum of weights).
    optimizer: of its parameters.
    decay: of the average of the variables.
    points: K per window.
    kernel: odd side of the median filter.
    pairing: 'cascade' or 'coarsest'.
    crop: (height, width) of the part of each window that is learnt from. The
      refiner sees 9x9 pixels, so nothing is lost but repetition.
    key: where the crops of all steps come from.

  Returns:
    The state after it, and {'loss', 'gradient_norm'}.
  """
  scale, coarse, _ = cascade_pairs(
    state.average,
    batch,
    segmenter=functools.partial(segmenter.apply, segmenter_variables),
    refiner=refiner,
    points=points,
    kernel=kernel,
    pairing=pairing,
  )
  cut = _random_crop(
    jax.random.fold_in(key, state.step), scale.shape[2:4], crop
  )
  scale, coarse, labels = map(cut, (scale, coarse, batch['labels'][:, 1:]))

  def loss_of(params: Any) -> tuple[jax.Array, Any]:
    logits, updated = refiner.apply(
      {'params': params, 'batch_stats': state.variables['batch_stats']},
      scale=scale,
      coarse=coarse,
      train=True,
      mutable=['batch_stats'],
    )
    total, weight = loss(logits, labels)
    return losses.mean_loss(total, weight), updated['batch_stats']

  return _descend(state, loss_of, optimizer, decay)


def evaluate_refiner(
  variables: Variables,
  batch: Batch,
  segmenter_variables: Variables,
  *,
  segmenter: nn.Module,
  refiner: nn.Module,
  classes: int,
  points: float | int,
  kernel: int,
) -> jax.Array:
  """Confusion matrix [C,C] of the cascade's last stage on nested windows."""
  _, _, final = cascade_pairs(
    variables,
    batch,
    segmenter=functools.partial(segmenter.apply, segmenter_variables),
    refiner=refiner,
    points=points,
    kernel=kernel,
    pairing='cascade',
  )
  return confusion.device_confusion_matrix(
    batch['labels'][:, -1], final.argmax(-1), classes
  )
