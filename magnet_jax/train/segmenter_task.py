"""The training of the segmenter, as a config describes it."""

from collections.abc import Callable, Iterator, Sequence
import dataclasses
import functools

import jax
import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import settings
from magnet_jax.data import classes as class_tables
from magnet_jax.data import pipeline, tones
from magnet_jax.data.folds import Indices
from magnet_jax.data.splits import Splits
from magnet_jax.evaluate import comparison
from magnet_jax.models import build
from magnet_jax.ops import windows
from magnet_jax.train import (
  from_config,
  glnet_task,
  loop,
  state,
  steps,
  unseen,
)
from magnet_jax.types import InputError, Size, Stage


def make(config: from_config.Config) -> loop.Task:
  """Builds the training of the segmenter on windows of all stages.

  Raises:
    InputError: for a setting that does not fit.
  """
  return make_all(config, Splits(config.data))[0]


def make_all(
  config: from_config.Config,
  images: Splits,
  left_out: Sequence[Indices] = (),
) -> list[loop.Task]:
  """Builds the training of the segmenter, and shorter ones on fewer images.

  They share their compiled functions, which know neither steps nor images.

  Args:
    config: the settings.
    images: of the run.
    left_out: images that each shorter training does without.

  Raises:
    InputError: for a setting that does not fit.
  """
  training = config.train.segmenter
  table = class_tables.get(config.data.classes)
  network = build.segmenter(num_classes=len(table), **config.segmenter)
  if glnet_task.is_wanted(network):
    if left_out:
      raise InputError(
        f'train.refiner.unseen {config.train.refiner.unseen!r}: must be none '
        'with segmenter.name=glnet, whose training has parts; correct it'
      )
    return [glnet_task.make(config, images, network)]
  crop = from_config.crop(config.plan, training)
  # Checks a network of the user's own, too.
  shapes = build.shapes(network, crop, len(table))
  trunk_rate = from_config.trunk_rate(
    training.trunk_rate, shapes, config.segmenter
  )
  rate, update = from_config.descent(training, trunk_rate)
  parts = training.accumulate
  if training.batch % parts:
    raise InputError(
      f'train.segmenter.accumulate {parts}: must divide the batch of '
      f'{training.batch} into equal parts; change one of them'
    )
  shared = 'train.segmenter.batch' + (' / accumulate' if parts > 1 else '')
  team = parallel.team(training.batch // parts, shared)
  batches, validation = from_config.batches(
    config,
    images,
    training,
    pipeline.segmenter_batches,
    plan_for=_cropped(config.plan, crop),
    network=crop,
    stage_weights=tuple(training.stage_weights) or None,
  )
  step = functools.partial(
    steps.segmenter_step,
    segmenter=network,
    loss=from_config.loss(training, table),
    optimizer=update,
    decay=training.average,
    auxiliary=training.auxiliary,
    frozen_trunk=trunk_rate == 0,
    key=jax.random.key(config.seed),
    parts=parts,
  )
  evaluate = functools.partial(
    steps.evaluate_segmenter, segmenter=network, num_classes=len(table)
  )
  source = images['train']
  main = from_config.task(
    config,
    'segmenter',
    start=lambda: state.start(from_config.segmenter(config, network), update),
    step=team.compile(step, donate=True),
    rate=rate,
    batches=batches,
    validation=validation,
    evaluate=team.compile(evaluate),
    team=team,
    # Read by the same source, so that its cache has them already.
    tones=lambda: tones.of_samples(comparison.from_source(source))[0],
  )
  whole = set(range(len(source)))
  rests = (tuple(sorted(whole - set(part))) for part in left_out)
  return [main] + [
    _shorter(config, main, number, functools.partial(batches, parts=(rest,)))
    for number, rest in enumerate(rests, start=1)
  ]


def _shorter(
  config: from_config.Config,
  main: loop.Task,
  number: int,
  batches: Callable[[int], Iterator[loop.Batch]],
) -> loop.Task:
  """Returns a training like the main one, of fewer steps on fewer images."""
  config = unseen.short(config)
  return dataclasses.replace(
    main,
    name=f'fold {number}',
    limits=from_config.limits(config, 'segmenter'),
    rate=from_config.descent(config.train.segmenter)[0],
    batches=batches,
    meta=dataclasses.replace(main.meta, config=config.to_dict()),
    tones=dict,
  )


def _cropped(
  plan: from_config.Config, crop: Size
) -> Callable[[Size], tuple[Stage, ...]]:
  """The stages of the plan, seen through windows of the crop's size."""
  whole = from_config.stages(plan)
  # Smaller windows of the same stages: the magnification must not change.
  scale = np.divide(settings.window(plan), plan.network)
  height, width = np.maximum(1, np.rint(crop * scale)).astype(int)

  def make(size: Size) -> tuple[Stage, ...]:
    return tuple(
      Stage(s.index, windows.make_grid(s.size, (int(height), int(width))))
      for s in whole(size)
    )

  return make
