"""One step of the refiner's training, and its evaluation: pure functions."""

from collections.abc import Callable, Sequence
import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from magnet_jax.cascade import refine_step
from magnet_jax.metrics import confusion, losses
from magnet_jax.models.refiner import join, split
from magnet_jax.ops import selection
from magnet_jax.refiners import magnet
from magnet_jax.refiners.refiner import Seen
from magnet_jax.train import steps
from magnet_jax.train.state import TrainState, Variables
from magnet_jax.train.steps import Batch, Loss, Metrics
from magnet_jax.types import InputError, Size


def shares(count: int, stages: int) -> list[slice]:
  """Returns the later stages of each refiner; the last one serves all the rest.

  Args:
    count: number of refiners.
    stages: number of stages after stage 0.

  Returns:
    One slice of the later stages per refiner.

  Raises:
    InputError: there are more refiners than stages.

  >>> shares(2, 3)
  [slice(0, 1, None), slice(1, 3, None)]
  """
  if count > stages:
    raise InputError(
      f'refiner.count {count}: each needs a stage, and the images have '
      f'{stages} after the first; lower it, or set plan.stages or plan.scales'
    )
  ends = [*range(1, count), stages]
  return [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]


def cascade_pairs(
  refiner_variables: Sequence[Variables],
  batch: Batch,
  *,
  segmenter: Callable[..., Any],
  refiner: nn.Module,
  points: float | int,
  kernel: int,
  pairing: str,
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Runs the cascade on nested windows and keeps the refiner's inputs.

  With pairing 'cascade', each stage's coarse map is the crop of the map after
  the stages before it, refined by the present refiner: exactly what it sees at
  test time. With 'coarsest' (as published) it is always the crop of stage 0,
  unrefined.

  Args:
    refiner_variables: present variables of each refiner.
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
  flat = batch['images'].reshape(b * s, h, w, 3)
  # All stages in one call, as they share the segmenter.
  scales = refine_step.segment_windows(segmenter, images=flat)
  scales = scales.reshape(b, s, h, w, -1)
  most = selection.count_points(points, h * w)
  all_points = jnp.full((b,), most, jnp.int32)

  def refined(stage: int, scale: jax.Array, coarse: jax.Array) -> jax.Array:
    variables = refiner_variables[min(stage, len(refiner_variables)) - 1]
    method = magnet.refiner(jax.tree_util.Partial(refiner.apply, variables))
    seen = Seen(coarse=coarse, scale=scale)
    found, scores = refine_step.refine_maps(method, seen, kernel=kernel)
    chosen = refine_step.choose(method, scores, all_points, most)
    return jnp.where(chosen[..., None], found, coarse)

  current = scales[:, 0]
  coarse = []
  for stage in range(1, s):
    place = batch['offsets'][:, stage], batch['ratios'][:, stage]
    coarse.append(refine_step.crop(current, *place, (h, w)))
    last = stage == s - 1
    if pairing == 'cascade' or last:
      current = refined(stage, scales[:, stage], coarse[-1])
    else:
      current = coarse[-1]
  pairs = scales[:, 1:], jnp.stack(coarse, axis=1), current
  return jax.lax.stop_gradient(pairs)


def random_crop(
  key: jax.Array, window: tuple[int, ...], crop: Size
) -> Callable[[jax.Array], jax.Array]:
  """Returns a function that cuts one random crop from any [B,S,h,w,...].

  Args:
    key: of the crop.
    window: (h, w).
    crop: its size.
  """
  limits = jnp.asarray([window[0] - crop[0], window[1] - crop[1]]) + 1
  corner = jax.random.randint(key, (2,), 0, limits)

  def cut(windows: jax.Array) -> jax.Array:
    for axis in (0, 1):
      windows = jax.lax.dynamic_slice_in_dim(
        windows, corner[axis], crop[axis], axis + 2
      )
    return windows

  return cut


def refiner_step(
  state: TrainState,
  batch: Batch,
  rate: float | jax.Array,
  segmenter_variables: Variables,
  *,
  segmenter: nn.Module,
  refiner: nn.Module,
  count: int,
  loss: Loss,
  optimizer: optax.GradientTransformation,
  decay: float,
  points: float | int,
  kernel: int,
  pairing: str,
  crop: Size,
  key: jax.Array,
) -> tuple[TrainState, Metrics]:
  """Computes one step of the refiner on nested windows, the segmenter frozen.

  Args:
    state: before the step.
    batch: as for `cascade_pairs`, and labels uint8 [B,S,h,w].
    rate: factor of the optimizer's learning rate.
    segmenter_variables: of the segmenter.
    segmenter: the frozen network.
    refiner: the network in training.
    count: number of refiners.
    loss: (logits, labels) -> (sum of losses, sum of weights).
    optimizer: of its parameters.
    decay: of the average of the variables.
    points: K per window.
    kernel: odd side of the median filter.
    pairing: 'cascade' or 'coarsest'.
    crop: (height, width) of the part of each window that is used. The refiner
      sees 9x9 pixels, so a crop loses nothing but repetition.
    key: base of the random crops of all steps.

  Returns:
    The state after it, and {'loss', 'gradient_norm'}: the mean over the
    refiners, and the norm of all their gradients together.
  """
  # The averaged refiner makes the pairs: it is the one that will be used.
  scale, coarse, _ = cascade_pairs(
    split(state.average, count),
    batch,
    segmenter=functools.partial(segmenter.apply, segmenter_variables),
    refiner=refiner,
    points=points,
    kernel=kernel,
    pairing=pairing,
  )
  cut = random_crop(jax.random.fold_in(key, state.step), scale.shape[2:4], crop)
  scale, coarse, labels = map(cut, (scale, coarse, batch['labels'][:, 1:]))

  losses_of = functools.partial(
    _losses,
    scale=scale,
    coarse=coarse,
    labels=labels,
    refiner=refiner,
    count=count,
    loss=loss,
  )
  # The sum, as each refiner follows the gradient of its own mean: with sgd, a
  # mean over all of them would divide the learning rate by their number.
  state, metrics = steps.descend(
    state,
    lambda params: losses_of({**state.variables, 'params': params}),
    optimizer,
    decay,
    rate,
  )
  return state, {**metrics, 'loss': metrics['loss'] / count}


def _losses(
  variables: Variables,
  *,
  scale: jax.Array,
  coarse: jax.Array,
  labels: jax.Array,
  refiner: nn.Module,
  count: int,
  loss: Loss,
) -> tuple[jax.Array, Any]:
  """The sum of the refiners' mean losses, and their new statistics."""
  total, statistics = jnp.zeros(()), []
  parts = shares(count, scale.shape[1])
  for each, part in zip(split(variables, count), parts, strict=True):
    logits, updated = refiner.apply(
      each,
      scale=_flat(scale[:, part]),
      coarse=_flat(coarse[:, part]),
      train=True,
      mutable=['batch_stats'],
    )
    total += losses.mean_loss(*loss(logits, _flat(labels[:, part])))
    statistics.append(updated)
  return total, join(statistics)


def _flat(windows: jax.Array) -> jax.Array:
  """[B,S,h,w,...] -> [B*S,h,w,...]."""
  return windows.reshape(-1, *windows.shape[2:])


def evaluate_refiner(
  variables: Variables,
  batch: Batch,
  segmenter_variables: Variables,
  *,
  segmenter: nn.Module,
  refiner: nn.Module,
  count: int,
  num_classes: int,
  points: float | int,
  kernel: int,
) -> jax.Array:
  """Computes the confusion matrix [C,C] of the last stage on nested windows.

  Args:
    variables: of all refiners.
    batch: as for `refiner_step`.
    segmenter_variables: of the segmenter.
    segmenter: as for `refiner_step`, with refiner and count.
    refiner: as segmenter.
    count: as segmenter.
    num_classes: C.
    points: K per window.
    kernel: odd side of the median filter.
  """
  _, _, final = cascade_pairs(
    split(variables, count),
    batch,
    segmenter=functools.partial(segmenter.apply, segmenter_variables),
    refiner=refiner,
    points=points,
    kernel=kernel,
    pairing='cascade',
  )
  return confusion.device_confusion_matrix(
    batch['labels'][:, -1], final.argmax(-1), num_classes
  )
