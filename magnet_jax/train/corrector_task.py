"""The training of a corrector, as a config describes it."""

from collections.abc import Callable, Iterator
import dataclasses
import functools
import pathlib
from typing import Any

import jax
import optax

from magnet_jax import parallel
from magnet_jax.cascade import settings
from magnet_jax.data import classes as class_tables
from magnet_jax.data import pipeline
from magnet_jax.data.splits import Splits
from magnet_jax.files import checkpoints
from magnet_jax.models import build
from magnet_jax.predict import correctors
from magnet_jax.refiners.corrector import Corrector
from magnet_jax.train import (
  corrector_steps,
  from_config,
  loop,
  state,
  warm_start,
)
from magnet_jax.train.corrector_recipes import RECIPES
from magnet_jax.types import CORRECTOR, Size, Stage


def make(
  config: from_config.Config,
  images: Splits,
  name: str,
  segmenter: pathlib.Path,
) -> tuple[loop.Task, Callable[[], float]]:
  """Builds the training of a corrector, with a trained segmenter frozen.

  Args:
    config: the settings.
    images: of the run.
    name: of the corrector, a key of `correctors.CORRECTORS`.
    segmenter: a run, a checkpoint or an exported model with a segmenter.

  Returns:
    The training, and what computes the mean IoU of the validation's maps before
    they are corrected.

  Raises:
    InputError: for a setting that does not fit, or there is no segmenter that
      the config describes.
  """
  training, recipe = config.train[name], RECIPES[name]
  table = class_tables.get(config.data.classes)
  corrector = correctors.make(
    name, config.correctors[name].to_dict(), len(table)
  )
  network = build.segmenter(num_classes=len(table), **config.segmenter)
  size = (config.plan.network[0], config.plan.network[1])
  shapes = build.shapes(network, size, len(table))
  team = parallel.team(training.batch, f'train.{name}.batch')
  # An argument of the step: constants would be compiled into the program.
  frozen = team.copy(warm_start.broadcast(segmenter, shapes))
  given = init(training.init, segmenter)
  rate, update = from_config.descent(training)
  batches, validation = _batches(config, images, name)
  shared: dict[str, Any] = {
    'segmenter': network,
    'samples': functools.partial(
      recipe.samples, start=corrector.start, network=size
    ),
  }
  step = _step(config, name, corrector, optimizer=update, **shared)
  evaluate = functools.partial(
    _evaluate,
    team,
    frozen,
    num_classes=2 if recipe.masks else len(table),
    **shared,
  )
  task = from_config.task(
    config,
    name,
    CORRECTOR + name,
    start=functools.partial(_start, config, name, corrector, update, given),
    step=team.compile(step, donate=True),
    fixed=lambda number: (frozen,),
    rate=rate,
    batches=batches,
    validation=validation,
    evaluate=evaluate(predict=functools.partial(recipe.predict, corrector)),
    team=team,
    tones=lambda: checkpoints.load(segmenter)[1].tones,
  )
  if recipe.masks:  # outside and inside count, whatever classes 0 and 1 are
    task = dataclasses.replace(task, unscored=())

  def before() -> float:
    unchanged = evaluate(predict=lambda _, samples: recipe.before(samples))
    given = dataclasses.replace(task, evaluate=unchanged)
    return loop.validate(given, {}, task.validation())

  return task, before


def _batches(
  config: from_config.Config, images: Splits, name: str
) -> tuple[Callable[..., Iterator[loop.Batch]], Callable[[], Any]]:
  """Returns what starts the batches of the training, and of the validation."""
  training, recipe = config.train[name], RECIPES[name]
  # The whole image in one window, and windows at full size.
  whole = settings.from_the_whole(config.plan)
  plan = {**whole, 'scales': (), 'stages': 2}
  # A crop of a window may not show the outline that the mask is drawn for.
  if recipe.masks and all(training.crop):
    plan['window'] = tuple(training.crop)
  wrong = {}
  if recipe.masks:
    wrong = {'least': training.least, 'band': training.band}
  plan_for = settings.planner(plan)
  if reduction := config.correctors[name].get('reduction'):
    plan_for = _reduced_at_most(reduction, plan_for)
  return from_config.batches(
    config,
    images,
    training,
    functools.partial(recipe.batches, **wrong),
    plan_for=plan_for,
    network=settings.window(plan),
  )


def _reduced_at_most(
  reduction: float, plan_for: pipeline.PlanFor
) -> pipeline.PlanFor:
  """Leaves out stages whose windows the corrector would never see."""

  def make(size: Size) -> tuple[Stage, ...]:
    return tuple(
      stage
      for stage in plan_for(size)
      if max(size) <= reduction * max(stage.size)
    )

  return make


def _step(
  config: from_config.Config, name: str, corrector: Corrector, **bound: Any
) -> loop.Step:
  """Binds a step to the settings of a corrector's training."""
  training, recipe = config.train[name], RECIPES[name]
  table = class_tables.get(config.data.classes)
  return functools.partial(
    corrector_steps.corrector_step,
    loss=functools.partial(
      recipe.loss, corrector, loss=from_config.loss(training, table)
    ),
    decay=training.average,
    crop=tuple(training.crop),
    key=jax.random.key(config.seed),
    **bound,
  )


def _evaluate(
  team: parallel.Team, frozen: state.Variables, **bound: Any
) -> Callable[[state.Variables, loop.Batch], jax.Array]:
  """Binds and compiles an evaluation with the frozen segmenter."""
  compiled = team.compile(
    functools.partial(corrector_steps.evaluate_corrector, **bound)
  )
  return lambda variables, batch: compiled(variables, batch, frozen)


def init(given: str, segmenter: pathlib.Path) -> str:
  """Returns what a corrector starts from: a trunk's default is that of maps.

  Args:
    given: as of the config, in which 'trunk:' names no model.
    segmenter: that makes the maps.
  """
  return given + str(segmenter) if given == warm_start.TRUNK else given


def _start(
  config: from_config.Config,
  name: str,
  corrector: Corrector,
  update: optax.GradientTransformation,
  given: str,
) -> state.TrainState:
  """Returns the state before the first step."""
  fresh = functools.partial(corrector.module.init, **corrector.inputs)
  variables = from_config.run_once(fresh, jax.random.key(config.seed))
  if not parallel.is_main():
    return state.start(variables, update)
  if given.startswith(('imagenet', warm_start.TRUNK)):
    settings = config.correctors[name]
    variables = warm_start.any_of(variables, given, settings)
  elif given:
    variables = warm_start.network(variables, given, CORRECTOR + name)
  return state.start(variables, update)
