"""The training of the refiner, as a config describes it."""

from collections.abc import Sequence
import functools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import optax

from magnet_jax import parallel
from magnet_jax.cascade import settings
from magnet_jax.data import classes as class_tables
from magnet_jax.data import pipeline
from magnet_jax.data.folds import Turns
from magnet_jax.data.splits import Splits
from magnet_jax.files import checkpoints
from magnet_jax.models import build
from magnet_jax.models.refiner import Refiner, join, refiner_count
from magnet_jax.train import (
  from_config,
  loop,
  refiner_steps,
  state,
  unseen,
  warm_start,
)


def make(
  config: from_config.Config,
  images: Splits,
  segmenter: pathlib.Path,
  parts: Sequence[unseen.Part] = (),
) -> loop.Task:
  """Builds the training of the refiner, with trained segmenters frozen.

  Args:
    config: the settings.
    images: of the run.
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
    team.copy(warm_start.broadcast(path, shapes))
    for path in (segmenter, *(part.segmenter for part in parts))
  ]
  count, wanted = refiner_count(config.refiner.to_dict())
  refiner = build.refinement(num_classes=len(table), **wanted)
  rate, update = from_config.descent(training)
  batches, validation = from_config.batches(
    config,
    images,
    training,
    pipeline.refiner_batches,
    plan_for=from_config.stages(config.plan),
    network=tuple(config.plan.network),
  )
  shared: dict[str, Any] = {
    'segmenter': network,
    'refiner': refiner,
    'count': count,
    'points': settings.points(training.points),
    'kernel': config.refine.kernel,
  }
  step = functools.partial(
    refiner_steps.refiner_step,
    loss=from_config.loss(training, table),
    optimizer=update,
    decay=training.average,
    pairing=training.pairing,
    crop=from_config.crop(config.plan, training),
    key=jax.random.key(config.seed),
    **shared,
  )
  evaluate = team.compile(
    functools.partial(
      refiner_steps.evaluate_refiner, num_classes=len(table), **shared
    )
  )
  shares = tuple(part.images for part in parts)
  turns = Turns(shares, training.batch, config.seed)

  def fixed(number: int) -> tuple[state.Variables]:
    """The segmenter that has not seen the images of a batch."""
    return (frozen[1 + turns.part(number) if parts else 0],)

  return from_config.task(
    config,
    'refiner',
    start=functools.partial(_start, config, refiner, count, update),
    step=team.compile(step, donate=True),
    fixed=fixed,
    rate=rate,
    batches=functools.partial(batches, parts=shares),
    validation=validation,
    evaluate=lambda variables, batch: evaluate(variables, batch, frozen[0]),
    team=team,
    tones=lambda: checkpoints.load(segmenter)[1].tones,
  )


def _start(
  config: from_config.Config,
  refiner: Refiner,
  count: int,
  update: optax.GradientTransformation,
) -> state.TrainState:
  """Returns the state before the first step, of so many refiners."""
  classes = len(class_tables.get(config.data.classes))
  blank = jnp.zeros((1, *config.plan.network, classes), jnp.float32)
  init = functools.partial(refiner.init, scale=blank, coarse=blank)
  key = jax.random.key(config.seed)
  # A single refiner starts as it did before there could be several.
  keys = [key] if count == 1 else jax.random.split(key, count)
  variables = join([from_config.run_once(init, each) for each in keys])
  given = config.train.refiner.init
  if given and parallel.is_main():
    variables = warm_start.network(variables, given)
  return state.start(variables, update)
