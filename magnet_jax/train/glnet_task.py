"""The training of GLNet, as a config describes it: three, one after another.

The global branch on whole images; the local one beside it; and the global one
again, beside what the local one finds in all windows.
"""

import functools
import itertools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from magnet_jax import parallel
from magnet_jax.cascade import settings
from magnet_jax.data import classes as class_tables
from magnet_jax.data import tones, whole_images
from magnet_jax.data.splits import Splits
from magnet_jax.evaluate import comparison
from magnet_jax.models.glnet import GLNet
from magnet_jax.ops import sharing
from magnet_jax.train import (
  from_config,
  glnet_steps,
  loop,
  optimizer,
  state,
  warm_start,
)

# The epochs of the published trainings, and their learning rates by the first.
_EPOCHS = (120, 50, 120)
_RATES = (1.0, 0.4, 1.0)


def is_wanted(network: nn.Module) -> bool:
  """Returns whether a segmenter is trained like this."""
  return isinstance(network, GLNet)


def make(
  config: from_config.Config, images: Splits, network: nn.Module
) -> loop.Task:
  """Builds the three trainings as one, which can be resumed anywhere.

  Args:
    config: the settings.
    images: of the run.
    network: the segmenter that it describes.

  Raises:
    InputError: for a setting that does not fit.
  """
  training = config.train.segmenter
  _check(training)
  table = class_tables.get(config.data.classes)
  team = parallel.team(training.batch, 'train.segmenter.batch')
  size = (config.plan.network[0], config.plan.network[1])
  window = settings.window(config.plan)
  batches, validation = from_config.batches(
    config,
    images,
    training,
    whole_images.batches,
    grid_for=functools.partial(sharing.make_grid, window=window),
    network=size,
    part=(training.crop[0], training.crop[1]) if all(training.crop) else None,
  )
  _, update = from_config.descent(training)
  starts = spans(training.steps)
  parts = [
    optax.chain(update, glnet_steps.only(*names))
    for names in glnet_steps.TRAINED
  ]

  def start() -> state.TrainState:
    variables = from_config.segmenter(config, network)
    if training.init.startswith(('imagenet', warm_start.TRUNK)):
      for tree in variables.values():
        # A copy: the step donates its buffers, and each only once.
        tree['local_trunk'] = jax.tree.map(jnp.array, tree['trunk'])
    return state.start(variables, parts[0])

  return from_config.task(
    config,
    'segmenter',
    start=start,
    step=_step(config, network, parts, team),
    rate=_rate(training, starts),
    batches=batches,
    validation=validation,
    evaluate=team.compile(
      functools.partial(
        glnet_steps.evaluate, module=network, num_classes=len(table)
      )
    ),
    team=team,
    tones=lambda: tones.of_samples(comparison.from_source(images['train']))[0],
    fixed=lambda number: (_part(starts, number), number in starts[1:]),
  )


def _check(training: from_config.Config) -> None:
  """Raises InputError for settings of other trainings."""
  rules = {
    'accumulate': (training.accumulate == 1, 'be 1'),
    'hours': (training.hours == 0, 'be 0, as its parts have fixed steps'),
    'patience': (
      training.patience == 0,
      'be 0, as only the last part is scored',
    ),
    'trunk_rate': (training.trunk_rate == 1, 'be 1, as both branches have one'),
    'steps': (
      training.steps >= len(_EPOCHS),
      'be at least 3, one for each part',
    ),
  }
  remedy = 'correct it, leave out --hours, or use a segmenter other than glnet'
  from_config.refuse('segmenter', training, rules, remedy)


def spans(steps: int) -> tuple[int, ...]:
  """Returns the first step of each training, at least one step after another.

  >>> spans(290)
  (0, 120, 170)
  """
  starts: list[int] = []
  for i, epochs in enumerate(itertools.accumulate(_EPOCHS[:-1], initial=0)):
    least = starts[-1] + 1 if starts else 0
    start = round(epochs / sum(_EPOCHS) * steps)
    starts.append(min(max(start, least), steps - len(_EPOCHS) + i))
  return tuple(starts)


def _part(starts: tuple[int, ...], number: float) -> int:
  """Returns which training a step belongs to."""
  return int(np.searchsorted(starts, number, side='right')) - 1


def _rate(training: from_config.Config, starts: tuple[int, ...]) -> Any:
  """Returns the learning rate by the step: each training's own schedule."""
  lengths = np.diff([*starts, training.steps])
  schedules = [
    optimizer.schedule(
      name=training.schedule,
      rate=training.rate * factor,
      steps=int(length),
      warmup=int(training.warmup * length / training.steps),
      drops=training.drops,
    )
    for length, factor in zip(lengths, _RATES, strict=True)
  ]

  def rate(position: float) -> Any:
    part = _part(starts, position)
    return schedules[part](position - starts[part])

  return rate


def _step(
  config: from_config.Config,
  network: nn.Module,
  parts: list[optax.GradientTransformation],
  team: parallel.Team,
) -> loop.Step:
  """Returns (state, batch, rate, part, whether it begins) -> the same."""
  training = config.train.segmenter
  table = class_tables.get(config.data.classes)
  shared: dict[str, Any] = {
    'segmenter': network,
    'loss': from_config.loss(training, table),
    'decay': training.average,
    'key': jax.random.key(config.seed),
  }
  compiled = [
    team.compile(
      functools.partial(
        function,
        optimizer=update,
        **shared,
      ),
      donate=True,
    )
    for function, update in zip(glnet_steps.STEPS, parts, strict=True)
  ]
  # Moments of parts that were at rest would be far too small.
  renew = team.compile(
    lambda before: before.replace(
      moments=parts[0].init(before.variables['params'])
    )
  )

  def step(
    before: state.TrainState, batch: loop.Batch, rate: Any, part: int, new: bool
  ) -> Any:
    return compiled[part](renew(before) if new else before, batch, rate)

  return step
