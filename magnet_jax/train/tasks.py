"""The trainings, as a config describes them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import functools
import math
import pathlib
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from magnet_jax import checked, parallel
from magnet_jax.cascade import settings
from magnet_jax.data import augment, pipeline, splits, tones
from magnet_jax.data import classes as class_tables
from magnet_jax.data.folds import Indices, Turns
from magnet_jax.data.sources import Source
from magnet_jax.evaluate import comparison
from magnet_jax.files import checkpoints
from magnet_jax.metrics import losses
from magnet_jax.models import build
from magnet_jax.models.gate import Gate
from magnet_jax.models.refiner import join, refiner_count
from magnet_jax.ops import windows
from magnet_jax.refiners import scale_attention
from magnet_jax.train import (
  attention_steps,
  loop,
  optimizer,
  pace,
  refiner_steps,
  state,
  steps,
  unseen,
  warm_start,
)
from magnet_jax.types import ClassTable, InputError, Meta, Size, Stage

Config = Any  # ml_collections.ConfigDict, whose fields have no types


def limits(config: Config, name: str) -> pace.Limits:
  """Returns when a training ends.

  Args:
    config: all settings.
    name: 'segmenter' or 'refiner'.

  Raises:
    InputError: a limit is out of range.
  """
  section = config.train[name]
  with checked.named(f'train.{name}'):
    return pace.Limits(section.steps, section.hours, section.patience)


def _loss(config: Config, classes: ClassTable) -> steps.Loss:
  """The loss by name, with its settings bound."""
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
  if config.loss == 'ohem':
    return functools.partial(
      losses.ohem_cross_entropy,
      threshold=config.ohem_threshold,
      min_kept=config.ohem_kept,
      **bound,
    )
  raise InputError(
    f'loss {config.loss!r}: unknown; choose one of cross_entropy, ohem'
  )


def _descent(config: Config, trunk_rate: float = 1.0) -> tuple[Any, Any]:
  """The schedule and optimizer of a training."""
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


def _trunk_rate(
  rate: float, shapes: Mapping[str, Any], segmenter: Config
) -> float:
  """The factor of the trunk's learning rate, once it is right."""
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


def _crop(plan: Config, training: Config) -> Size:
  """The size to train on: the network's input, or a smaller crop."""
  height, width = training.crop if all(training.crop) else plan.network
  return height, width


def _stages(plan: Config) -> Callable[[Size], tuple[Stage, ...]]:
  """The stages of the plan that see windows.

  If the plan ends below full size, its last stage only enlarges the result.
  """
  make = settings.planner(plan)

  def with_windows(size: Size) -> tuple[Stage, ...]:
    return tuple(stage for stage in make(size) if len(stage.grid))

  return with_windows


def check(config: Config) -> None:
  """Checks how images will be segmented, before anything is written.

  Raises:
    InputError: a setting of `plan` or `refine` is out of range, the first
      scale makes every image of train smaller than a window, or the fusion
      cannot be trained so.
  """
  settings.options(config.refine)
  if config.refine.fusion == scale_attention.NAME:
    _check_attention(config)
  plan_for = settings.planner(config.plan, strict=True)
  if config.plan.first:
    source = splits.open_split(config.data, 'train')
    sizes = [source.size(index) for index in range(len(source))]
    plan_for(max(sizes, key=lambda size: size[0] * size[1]))


def _check_attention(config: Config) -> None:
  training = config.train.refiner
  together = 'the segmenter is trained together with its gate'
  rules = {
    'unseen': (training.unseen == 'none', f"be 'none', as {together}"),
    'crop': (not any(training.crop), 'be (0, 0), as the gate sees far'),
    'segmenter_rate': (
      0 <= training.segmenter_rate < math.inf,
      'be 0, which freezes the segmenter, or a positive factor',
    ),
  }
  for name, (fits, rule) in rules.items():
    if not fits:
      raise InputError(
        f'train.refiner.{name} {training[name]!r}: must {rule}; correct it, or '
        'choose another refine.fusion'
      )
  _gate(config)


def _gate(
  config: Config,
) -> tuple[nn.Module, Gate, Callable[[jax.Array], Mapping[str, Any]]]:
  """The segmenter, its gate, and what makes the gate's variables."""
  count = len(class_tables.get(config.data.classes))
  segmenter = build.segmenter(num_classes=count, **config.segmenter)
  height, width = config.plan.network
  return segmenter, *build.attention(segmenter, (height, width), count)


def _cropped(plan: Config, crop: Size) -> Callable[[Size], tuple[Stage, ...]]:
  """The stages of the plan, seen through windows of the crop's size."""
  whole = _stages(plan)
  # Smaller windows of the same stages: the magnification must not change.
  scale = np.divide(settings.window(plan), plan.network)
  height, width = np.maximum(1, np.rint(crop * scale)).astype(int)

  def make(size: Size) -> tuple[Stage, ...]:
    return tuple(
      Stage(s.index, windows.make_grid(s.size, (int(height), int(width))))
      for s in whole(size)
    )

  return make


def _batches(
  config: Config,
  training: Config,
  make: Callable[..., Iterator[loop.Batch]],
  **extra: Any,
) -> tuple[Callable[..., Iterator[loop.Batch]], Callable[[], Any], Source]:
  """Functions that start the training and the validation batches.

  The first has the keyword `parts`, for batches of one part each.

  Returns:
    Both, and the training images.
  """
  shared: dict[str, Any] = {
    'batch': training.batch,
    'workers': config.data.workers,
    'part': (parallel.process(), parallel.processes()),
    **extra,
  }
  train = splits.open_split(config.data, 'train')
  val = splits.open_split(config.data, 'val')
  augmentation = augment.Augmentation(
    scale_jitter=training.scale_jitter, **config.augment
  )

  def training_batches(
    first: int, parts: tuple[Indices, ...] = ()
  ) -> Iterator[loop.Batch]:
    return make(
      train,
      seed=config.seed,
      start_step=first,
      augmentation=augmentation,
      parts=parts,
      **shared,
    )

  def validation_batches() -> Iterator[loop.Batch]:
    # A fixed seed: validations must compare, whatever the run's own seed.
    return make(val, seed=0, steps=training.validation_batches, **shared)

  return training_batches, validation_batches, train


def _run_once(function: Callable[..., Any], *arguments: jax.Array) -> Any:
  """Runs a function compiled without optimisation, which would take longer."""
  if any(isinstance(each, jax.core.Tracer) for each in arguments):
    return function(*arguments)  # only the shapes are wanted
  options = {'xla_backend_optimization_level': 0}
  return jax.jit(function, compiler_options=options)(*arguments)


def _warm(
  variables: state.Variables, init: str, segmenter: Config
) -> state.Variables:
  """The segmenter's initial weights, as train.segmenter.init says."""
  if init == 'imagenet':
    return warm_start.imagenet(variables, segmenter.get('trunk', 'none'))
  return warm_start.segmenter(variables, init) if init else variables


def segmenter_task(config: Config) -> loop.Task:
  """Builds the training of the segmenter on windows of all stages.

  Raises:
    InputError: for a setting that does not fit.
  """
  return segmenter_tasks(config)[0]


def segmenter_tasks(
  config: Config, left_out: Sequence[Indices] = ()
) -> list[loop.Task]:
  """Builds the training of the segmenter, and shorter ones on fewer images.

  They share their compiled functions, which know neither steps nor images.

  Args:
    config: the settings.
    left_out: images that each shorter training does without.

  Raises:
    InputError: for a setting that does not fit.
  """
  training = config.train.segmenter
  table = class_tables.get(config.data.classes)
  network = build.segmenter(num_classes=len(table), **config.segmenter)
  crop = _crop(config.plan, training)
  # Checks a network of the user's own, too.
  shapes = build.shapes(network, crop, len(table))
  trunk_rate = _trunk_rate(training.trunk_rate, shapes, config.segmenter)
  rate, update = _descent(training, trunk_rate)
  team = parallel.team(training.batch, 'train.segmenter.batch')
  batches, validation, images = _batches(
    config,
    training,
    pipeline.segmenter_batches,
    plan_for=_cropped(config.plan, crop),
    network=crop,
    stage_weights=tuple(training.stage_weights) or None,
  )

  def start() -> state.TrainState:
    blank = jnp.zeros((1, *config.plan.network, 3), jnp.float32)
    key = jax.random.key(config.seed)
    variables = build.trained(_run_once(network.init, key, blank))
    if parallel.is_main():  # the others receive its state
      variables = _warm(variables, training.init, config.segmenter)
    return state.start(variables, update)

  step = functools.partial(
    steps.segmenter_step,
    segmenter=network,
    loss=_loss(training, table),
    optimizer=update,
    decay=training.average,
    auxiliary=training.auxiliary,
    frozen_trunk=trunk_rate == 0,
  )
  evaluate = functools.partial(
    steps.evaluate_segmenter, segmenter=network, num_classes=len(table)
  )
  main = loop.Task(
    name='segmenter',
    limits=limits(config, 'segmenter'),
    start=start,
    step=team.compile(step, donate=True),
    rate=rate,
    batches=batches,
    validation=validation,
    evaluate=team.compile(evaluate),
    team=team,
    validate_every=training.validate_every,
    unscored=table.unscored,
    meta=Meta(config.to_dict(), table, 'segmenter'),
    # Read by the same source, so that its cache has them already.
    tones=lambda: tones.of_samples(comparison.from_source(images))[0],
  )
  if not left_out:
    return [main]
  changed = unseen.short(config)
  whole = set(range(len(images)))
  others = [
    dataclasses.replace(
      main,
      name=f'fold {number}',
      limits=limits(changed, 'segmenter'),
      rate=_descent(changed.train.segmenter)[0],
      batches=functools.partial(
        batches, parts=(tuple(sorted(whole - set(part))),)
      ),
      meta=Meta(changed.to_dict(), table, 'segmenter'),
      tones=dict,
    )
    for number, part in enumerate(left_out, start=1)
  ]
  return [main, *others]


def refiner_task(
  config: Config,
  segmenter: pathlib.Path,
  parts: Sequence[unseen.Part] = (),
) -> loop.Task:
  """Builds the training of the refiner, with trained segmenters frozen.

  Args:
    config: the settings.
    segmenter: a run, a checkpoint or an exported model with a segmenter.
    parts: what it is trained on, instead of this segmenter's predictions for
      all images; each batch is of one part. It is validated with the segmenter.
  """
  training = config.train.refiner
  table = class_tables.get(config.data.classes)
  network = build.segmenter(num_classes=len(table), **config.segmenter)
  size = (config.plan.network[0], config.plan.network[1])
  shapes = build.shapes(network, size, len(table))
  team = parallel.team(training.batch, 'train.refiner.batch')
  # Arguments of the step: constants would be compiled into the program.
  frozen = [
    team.copy(
      parallel.from_main(
        functools.partial(warm_start.frozen, path, shapes), lambda: shapes
      )
    )
    for path in (segmenter, *(part.segmenter for part in parts))
  ]
  count, wanted = refiner_count(config.refiner.to_dict())
  refiner = build.refinement(num_classes=len(table), **wanted)
  rate, update = _descent(training)
  batches, validation, _ = _batches(
    config,
    training,
    pipeline.refiner_batches,
    plan_for=_stages(config.plan),
    network=tuple(config.plan.network),
  )

  def start() -> state.TrainState:
    blank = jnp.zeros((1, *config.plan.network, len(table)), jnp.float32)
    init = functools.partial(refiner.init, scale=blank, coarse=blank)
    key = jax.random.key(config.seed)
    # A single refiner starts as it did before there could be several.
    keys = [key] if count == 1 else jax.random.split(key, count)
    variables = join([_run_once(init, each) for each in keys])
    if training.init and parallel.is_main():
      variables = warm_start.refiner(variables, training.init)
    return state.start(variables, update)

  shared: dict[str, Any] = {
    'segmenter': network,
    'refiner': refiner,
    'count': count,
    'points': settings.points(training.points),
    'kernel': config.refine.kernel,
  }
  bound_step = functools.partial(
    refiner_steps.refiner_step,
    loss=_loss(training, table),
    optimizer=update,
    decay=training.average,
    pairing=training.pairing,
    crop=_crop(config.plan, training),
    key=jax.random.key(config.seed),
    **shared,
  )
  bound_evaluate = functools.partial(
    refiner_steps.evaluate_refiner, num_classes=len(table), **shared
  )
  step = team.compile(bound_step, donate=True)
  evaluate = team.compile(bound_evaluate)
  images = tuple(part.images for part in parts)
  turns = Turns(images, training.batch, config.seed)

  def fixed(number: int) -> tuple[state.Variables]:
    """The segmenter that has not seen the images of a batch."""
    return (frozen[1 + turns.part(number) if parts else 0],)

  return loop.Task(
    name='refiner',
    limits=limits(config, 'refiner'),
    start=start,
    step=step,
    fixed=fixed,
    rate=rate,
    batches=functools.partial(batches, parts=images),
    validation=validation,
    evaluate=lambda variables, batch: evaluate(variables, batch, frozen[0]),
    team=team,
    validate_every=training.validate_every,
    unscored=table.unscored,
    meta=Meta(config.to_dict(), table, 'refiner'),
    tones=lambda: checkpoints.load(segmenter)[1].tones,
  )


def attention_task(config: Config, segmenter: pathlib.Path) -> loop.Task:
  """Builds the training of a segmenter and its gate together.

  Args:
    config: the settings.
    segmenter: a run, a checkpoint or an exported model with the segmenter to
      start from.

  Raises:
    InputError: for a setting that does not fit.
  """
  training = config.train.refiner
  table = class_tables.get(config.data.classes)
  network, gate, make = _gate(config)
  size = (config.plan.network[0], config.plan.network[1])
  shapes = build.shapes(network, size, len(table))
  team = parallel.team(training.batch, 'train.refiner.batch')
  trunk_rate = config.train.segmenter.trunk_rate
  trunk_rate = _trunk_rate(trunk_rate, shapes, config.segmenter)
  rate, update = _descent(training)
  parts = [optimizer.part_rate('segmenter', factor=training.segmenter_rate)]
  if trunk_rate != 1:
    parts.append(optimizer.part_rate('segmenter', 'trunk', factor=trunk_rate))
  update = optax.chain(update, *parts)
  batches, validation, _ = _batches(
    config,
    training,
    pipeline.refiner_batches,
    plan_for=_stages(config.plan),
    network=size,
  )
  trained = parallel.from_main(
    functools.partial(warm_start.frozen, segmenter, shapes), lambda: shapes
  )

  def start() -> state.TrainState:
    variables = _run_once(make, jax.random.key(config.seed))
    if training.init and parallel.is_main():
      named = {'params': {'gate': variables['params']}}
      named = warm_start.refiner(named, training.init)
      variables = {'params': named['params']['gate']}
    joined = attention_steps.join(trained, variables)
    return state.start(jax.tree.map(jnp.asarray, joined), update)

  shared: dict[str, Any] = {
    'segmenter': network,
    'gate': gate,
    'weights': settings.options(config.refine).stage_weight,
  }
  step = functools.partial(
    attention_steps.attention_step,
    loss=_loss(training, table),
    optimizer=update,
    decay=training.average,
    **shared,
  )
  evaluate = functools.partial(
    attention_steps.evaluate_attention, num_classes=len(table), **shared
  )
  return loop.Task(
    name='refiner',
    limits=limits(config, 'refiner'),
    start=start,
    step=team.compile(step, donate=True),
    rate=rate,
    batches=batches,
    validation=validation,
    evaluate=team.compile(evaluate),
    team=team,
    validate_every=training.validate_every,
    unscored=table.unscored,
    meta=Meta(config.to_dict(), table, 'refiner'),
    tones=lambda: checkpoints.load(segmenter)[1].tones,
  )
