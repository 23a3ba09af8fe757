"""All that can be refused about a training, before anything is written."""

from collections.abc import Sequence

from magnet_jax import checked, parallel
from magnet_jax.cascade import settings
from magnet_jax.data import augment, pipeline
from magnet_jax.data import classes as class_tables
from magnet_jax.data.splits import Splits
from magnet_jax.models import build
from magnet_jax.models.refiner import refiner_count
from magnet_jax.ops import selection
from magnet_jax.refiners import scale_attention
from magnet_jax.train import from_config
from magnet_jax.types import ClassTable, InputError

_PAIRINGS = ('cascade', 'coarsest')


def check(
  config: from_config.Config,
  images: Splits,
  names: Sequence[str],
  *,
  refines: bool = False,
) -> None:
  """Checks the settings of trainings, and that their images are there.

  What only the networks themselves know is checked as they are built.

  Args:
    config: all settings.
    images: of the run.
    names: sections of `train`.
    refines: whether a refiner is trained.

  Raises:
    InputError: a setting is out of range or does not fit the others, or there
      are no images to train or validate on.
  """
  table = class_tables.get(config.data.classes)
  settings.options(config.refine)
  for name in ('bias', 'trends'):
    _one_per_class(f'refine.{name}', config.refine[name], table)
  for name in names:
    _check_training(config, name, table)
  if 'refiner' in names:
    _check_refiner(config, table)
  for value in config.tune.points:
    with checked.named('tune'):
      selection.count_points(value, 1)
  _check_plan(config, images, refines=refines)
  for split in ('train', 'val'):
    len(images[split])


def _one_per_class(
  name: str, numbers: Sequence[float], table: ClassTable
) -> None:
  if numbers and len(numbers) != len(table):
    raise InputError(
      f'{name} has {len(numbers)} numbers: must have one for each of the '
      f'{len(table)} classes, or none; correct it'
    )


def _check_training(
  config: from_config.Config, name: str, table: ClassTable
) -> None:
  """Checks what all trainings have."""
  training = config.train[name]
  from_config.limits(config, name)
  parallel.team(training.batch, f'train.{name}.batch')
  with checked.named(f'train.{name}'):
    from_config.descent(training)
    from_config.loss(training, table)
    if any(training.crop) and not all(training.crop):
      raise InputError(
        f'crop {training.crop}: must be (height, width) of at least 1, or '
        '(0, 0) for all of a window; correct it'
      )
  jitter = {'scale_jitter': training.scale_jitter}
  tones = config.augment.to_dict()
  checked.call(augment.Augmentation, {**tones, **jitter}, 'augment')


def _check_refiner(config: from_config.Config, table: ClassTable) -> None:
  training = config.train.refiner
  with checked.named('train.refiner'):
    selection.count_points(settings.points(training.points), 1)
  height, width = from_config.crop(config.plan, training)
  fits = height <= config.plan.network[0] and width <= config.plan.network[1]
  rules = {
    'pairing': (
      training.pairing in _PAIRINGS,
      f'be one of {", ".join(_PAIRINGS)}',
    ),
    'crop': (
      fits,
      f"not exceed the networks' input, {config.plan.network}",
    ),
  }
  from_config.refuse('refiner', training, rules, 'correct it')
  if config.refine.fusion != scale_attention.NAME:
    _, wanted = refiner_count(config.refiner.to_dict())
    build.refinement(num_classes=len(table), **wanted)


def _check_plan(
  config: from_config.Config, images: Splits, *, refines: bool
) -> None:
  """Checks the plan, of itself and against the sizes of the images."""
  plan_for = settings.planner(config.plan, strict=True)
  source = images['train']
  sizes = {source.size(index) for index in range(len(source))}
  largest = max(sizes, key=lambda size: size[0] * size[1])
  window, network = settings.window(config.plan), config.plan.network
  larger = window[0] > network[0] or window[1] > network[1]
  if larger and all(2 * s < w for s, w in zip(largest, window, strict=True)):
    raise InputError(
      f'plan.window {window}: is more than twice the largest image of train, '
      f'{largest}, so that nearly all of it would be padding; lower it'
    )
  plan_for(largest)
  with_windows = from_config.stages(config.plan)
  plans = {size: with_windows(size) for size in sizes}
  if weights := tuple(config.train.segmenter.stage_weights):
    with checked.named('train.segmenter'):
      pipeline.check_weights(weights, plans)
  if refines and max(map(len, plans.values())) < 2:
    raise InputError(
      f'plan.window {window}: sees the whole of every image of train, so that '
      'a refiner has no two stages to learn from; lower it and plan.network, '
      'give larger images, or train --stage=segmenter alone'
    )
