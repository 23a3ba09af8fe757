"""The parts that all trainings take from a config."""

from collections.abc import Callable, Iterator, Mapping
import functools
import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from magnet_jax import checked, parallel
from magnet_jax.cascade import settings
from magnet_jax.data import augment
from magnet_jax.data import classes as class_tables
from magnet_jax.data.folds import Indices
from magnet_jax.data.schedule import Schedule
from magnet_jax.data.splits import Splits
from magnet_jax.metrics import losses
from magnet_jax.models import build
from magnet_jax.train import (
  loop,
  optimizer,
  pace,
  state,
  steps,
  warm_start,
)
from magnet_jax.types import ClassTable, InputError, Meta, Size, Stage

Config = Any  # ml_collections.ConfigDict, whose fields have no types


def limits(config: Config, name: str) -> pace.Limits:
  """Returns when a training ends.

  Args:
    config: all settings.
    name: of the section in `train`.

  Raises:
    InputError: a limit is out of range.
  """
  section = config.train[name]
  with checked.named(f'train.{name}'):
    return pace.Limits(section.steps, section.hours, section.patience)


def refuse(
  name: str,
  section: Config,
  rules: Mapping[str, tuple[bool, str]],
  remedy: str,
) -> None:
  """Refuses settings that do not fit a kind of training.

  Args:
    name: of the section in `train`.
    section: the settings.
    rules: whether a setting fits, and what it must do, by its name.
    remedy: the end of the message.

  Raises:
    InputError: for the first that does not fit.
  """
  for key, (fits, rule) in rules.items():
    if not fits:
      raise InputError(
        f'train.{name}.{key} {section[key]!r}: must {rule}; {remedy}'
      )


def task(config: Config, name: str, kind: str = '', **parts: Any) -> loop.Task:
  """Returns a training with what all of them take from a config alike.

  Args:
    config: all settings.
    name: of its section in `train`.
    kind: of its network, if that is not the name.
    **parts: its other fields.

  Raises:
    InputError: a limit is out of range.
  """
  table = class_tables.get(config.data.classes)
  return loop.Task(
    name=name,
    limits=limits(config, name),
    validate_every=config.train[name].validate_every,
    unscored=table.unscored,
    meta=Meta(config.to_dict(), table, kind or name),
    **parts,
  )


def loss(config: Config, classes: ClassTable) -> steps.Loss:
  """Returns the loss by name, with its settings bound."""
  weights = tuple(config.class_weights) or None
  if weights and len(weights) != len(classes):
    raise InputError(
      f'class_weights {weights}: need one weight for each of the '
      f'{len(classes)} classes {", ".join(classes.names)}'
    )
  bound: dict[str, Any] = {
    'class_weights': weights and np.asarray(weights, np.float32),
    'ignore_label': classes.ignore_label,
  }
  if config.loss == 'cross_entropy':
    return functools.partial(losses.cross_entropy, **bound)
  if config.loss == 'focal':
    return functools.partial(losses.focal, **bound)
  if config.loss == 'ohem':
    return functools.partial(
      losses.ohem_cross_entropy,
      threshold=config.ohem_threshold,
      min_kept=config.ohem_kept,
      **bound,
    )
  raise InputError(
    f'loss {config.loss!r}: unknown; choose one of cross_entropy, focal, ohem'
  )


def descent(config: Config, trunk_rate: float = 1.0) -> tuple[Any, Any]:
  """Returns the schedule and the optimizer of a training."""
  rate = optimizer.schedule(
    name=config.schedule,
    rate=config.rate,
    steps=config.steps,
    warmup=config.warmup,
    drops=config.drops,
  )
  update = optimizer.optimizer(
    name=config.optimizer,
    # The loop gives the rate to each step, as it may depend on the time.
    rate=optax.constant_schedule(1.0),
    weight_decay=config.weight_decay,
    momentum=config.momentum,
    clip=config.clip or None,
    trunk_rate=trunk_rate,
  )
  return rate, update


def trunk_rate(
  rate: float, shapes: Mapping[str, Any], segmenter: Config
) -> float:
  """Returns the factor of the trunk's learning rate, once it is right."""
  if not 0 <= rate < math.inf:
    raise InputError(
      f'train.segmenter.trunk_rate {rate}: must be 0, which freezes the trunk, '
      'or a positive factor; correct it'
    )
  if rate != 1 and 'trunk' not in shapes['params']:
    raise InputError(
      f'train.segmenter.trunk_rate {rate}: the segmenter '
      f'{segmenter.get("name", "fpn")} has no trunk; set it to 1, or choose a '
      'segmenter with one, such as fpn'
    )
  return rate


def crop(plan: Config, training: Config) -> Size:
  """Returns the size to train on: the network's input, or a smaller crop."""
  height, width = training.crop if all(training.crop) else plan.network
  return height, width


def stages(plan: Config) -> Callable[[Size], tuple[Stage, ...]]:
  """Returns the planner of the stages that see windows.

  If the plan ends below full size, its last stage only enlarges the result.
  """
  make = settings.planner(plan)

  def with_windows(size: Size) -> tuple[Stage, ...]:
    return tuple(stage for stage in make(size) if len(stage.grid))

  return with_windows


def batches(
  config: Config,
  images: Splits,
  training: Config,
  make: Callable[..., Iterator[loop.Batch]],
  **extra: Any,
) -> tuple[Callable[..., Iterator[loop.Batch]], Callable[[], Any]]:
  """Returns functions that start the training and the validation batches.

  The first has the keyword `parts`, for batches of one part each.
  """
  schedule = functools.partial(
    Schedule,
    batch=training.batch,
    workers=config.data.workers,
    part=(parallel.process(), parallel.processes()),
  )
  train, val = images['train'], images['val']
  augmentation = augment.Augmentation(
    scale_jitter=training.scale_jitter, **config.augment
  )

  def training_batches(
    first: int, parts: tuple[Indices, ...] = ()
  ) -> Iterator[loop.Batch]:
    order = schedule(seed=config.seed, start_step=first, parts=parts)
    return make(train, order, augmentation=augmentation, **extra)

  def validation_batches() -> Iterator[loop.Batch]:
    # A fixed seed: validations must compare, whatever the run's own seed.
    order = schedule(seed=0, steps=training.validation_batches)
    return make(val, order, **extra)

  return training_batches, validation_batches


def segmenter(config: Config, network: nn.Module) -> state.Variables:
  """Returns the variables that a segmenter's training starts from.

  Args:
    config: all settings.
    network: the segmenter that it describes.

  Raises:
    InputError: they cannot be taken from what train.segmenter.init names.
  """
  blank = jnp.zeros((1, *config.plan.network, 3), jnp.float32)
  key = jax.random.key(config.seed)
  variables = build.trained(run_once(network.init, key, blank))
  if parallel.is_main():  # the others receive its state
    init = config.train.segmenter.init
    variables = warm_start.any_of(variables, init, config.segmenter)
  return variables


def run_once(function: Callable[..., Any], *arguments: jax.Array) -> Any:
  """Runs a function compiled without optimisation, which would take longer."""
  if any(isinstance(each, jax.core.Tracer) for each in arguments):
    return function(*arguments)  # only the shapes are wanted
  options = {'xla_backend_optimization_level': 0}
  return jax.jit(function, compiler_options=options)(*arguments)
