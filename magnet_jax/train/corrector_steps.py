"""One step of a corrector's training, and its evaluation: pure functions."""

from collections.abc import Callable
import functools
from typing import Any

import flax.linen as nn
import jax
import optax

from magnet_jax.metrics import confusion
from magnet_jax.train import refiner_steps, steps
from magnet_jax.train.corrector_recipes import Samples
from magnet_jax.train.state import TrainState, Variables
from magnet_jax.train.steps import Batch, Metrics
from magnet_jax.types import Size


def corrector_step(
  state: TrainState,
  batch: Batch,
  rate: float | jax.Array,
  segmenter_variables: Variables,
  *,
  segmenter: nn.Module,
  samples: Callable[..., Samples],
  loss: Callable[[Variables, Samples], tuple[jax.Array, Any]],
  optimizer: optax.GradientTransformation,
  decay: float,
  crop: Size,
  key: jax.Array,
) -> tuple[TrainState, Metrics]:
  """Computes one step of a corrector, the segmenter frozen.

  Args:
    state: before the step.
    batch: of its recipe.
    rate: factor of the optimizer's learning rate.
    segmenter_variables: of the segmenter.
    segmenter: the frozen network.
    samples: (segmenter, batch) -> what `loss` needs, arrays [B,h,w,…].
    loss: (variables, samples) -> (mean loss, the other variables after it).
    optimizer: of its parameters.
    decay: of the average of the variables.
    crop: (height, width) of the part of each sample that is used; (0, 0): all.
    key: base of the random crops of all steps.

  Returns:
    The state after it, and {'loss', 'gradient_norm'}.
  """
  frozen = functools.partial(segmenter.apply, segmenter_variables)
  found = jax.lax.stop_gradient(samples(frozen, batch))
  if all(crop):
    size = next(iter(found.values())).shape[1:3]
    least = min(crop[0], size[0]), min(crop[1], size[1])
    here = jax.random.fold_in(key, state.step)
    cut = refiner_steps.random_crop(here, size, least)
    found = {name: cut(x[:, None])[:, 0] for name, x in found.items()}
  return steps.descend(
    state,
    lambda params: loss({**state.variables, 'params': params}, found),
    optimizer,
    decay,
    rate,
  )


def evaluate_corrector(
  variables: Variables,
  batch: Batch,
  segmenter_variables: Variables,
  *,
  segmenter: nn.Module,
  samples: Callable[..., Samples],
  predict: Callable[[Variables, Samples], jax.Array],
  num_classes: int,
) -> jax.Array:
  """Computes the confusion matrix [C,C] of corrected maps.

  Args:
    variables: of the corrector.
    batch: as for `corrector_step`.
    segmenter_variables: of the segmenter.
    segmenter: as for `corrector_step`.
    samples: as for `corrector_step`; with 'labels' [B,h,w].
    predict: (variables, samples) -> classes [B,h,w].
    num_classes: C.
  """
  frozen = functools.partial(segmenter.apply, segmenter_variables)
  found = samples(frozen, batch)
  return confusion.device_confusion_matrix(
    found['labels'], predict(variables, found), num_classes
  )
