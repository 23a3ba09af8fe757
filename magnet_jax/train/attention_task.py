"""The training of a gate with its segmenter, as a config describes it."""

from collections.abc import Callable, Mapping
import functools
import math
import pathlib
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from magnet_jax import parallel
from magnet_jax.cascade import settings
from magnet_jax.data import classes as class_tables
from magnet_jax.data import pipeline
from magnet_jax.data.splits import Splits
from magnet_jax.files import checkpoints
from magnet_jax.models import build
from magnet_jax.models.gate import Gate, make_gate
from magnet_jax.train import (
  attention_steps,
  from_config,
  loop,
  optimizer,
  state,
  warm_start,
)


def check(config: from_config.Config) -> None:
  """Checks the settings of such a training, before anything is written.

  Raises:
    InputError: one does not fit, or the segmenter has no features.
  """
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
  remedy = 'correct it, or choose another refine.fusion'
  from_config.refuse('refiner', training, rules, remedy)
  _gate(config)


def _gate(
  config: from_config.Config,
) -> tuple[nn.Module, Gate, Callable[[jax.Array], Mapping[str, Any]]]:
  """The segmenter, its gate, and what makes the gate's variables."""
  count = len(class_tables.get(config.data.classes))
  segmenter = build.segmenter(num_classes=count, **config.segmenter)
  height, width = config.plan.network
  return segmenter, *make_gate(segmenter, (height, width), count)


def make(
  config: from_config.Config, images: Splits, segmenter: pathlib.Path
) -> loop.Task:
  """Builds the training of a segmenter and its gate together.

  Args:
    config: the settings.
    images: of the run.
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
  trunk_rate = from_config.trunk_rate(trunk_rate, shapes, config.segmenter)
  rate, update = from_config.descent(training)
  parts = [optimizer.part_rate('segmenter', factor=training.segmenter_rate)]
  if trunk_rate != 1:
    parts.append(optimizer.part_rate('segmenter', 'trunk', factor=trunk_rate))
  update = optax.chain(update, *parts)
  batches, validation = from_config.batches(
    config,
    images,
    training,
    pipeline.refiner_batches,
    plan_for=from_config.stages(config.plan),
    network=size,
  )
  trained = warm_start.broadcast(segmenter, shapes)

  def start() -> state.TrainState:
    variables = from_config.run_once(make, jax.random.key(config.seed))
    if training.init and parallel.is_main():
      named = {'params': {'gate': variables['params']}}
      named = warm_start.network(named, training.init)
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
    loss=from_config.loss(training, table),
    optimizer=update,
    decay=training.average,
    **shared,
  )
  evaluate = functools.partial(
    attention_steps.evaluate_attention, num_classes=len(table), **shared
  )
  return from_config.task(
    config,
    'refiner',
    start=start,
    step=team.compile(step, donate=True),
    rate=rate,
    batches=batches,
    validation=validation,
    evaluate=team.compile(evaluate),
    team=team,
    tones=lambda: checkpoints.load(segmenter)[1].tones,
  )
