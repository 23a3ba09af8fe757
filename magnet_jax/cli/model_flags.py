"""Flags of a trained model, shared by several commands."""

import dataclasses

from absl import flags

from magnet_jax import ranges
from magnet_jax.cascade import plan as plans
from magnet_jax.cascade import settings
from magnet_jax.cli import command_line, engine_flags, refinement_flags
from magnet_jax.files import checkpoints, embedded
from magnet_jax.files.atomic import PathLike
from magnet_jax.predict import combine
from magnet_jax.predict import model as models
from magnet_jax.predict.model import Model
from magnet_jax.types import InputError, Meta, Section


def define_checkpoint(
  values: flags.FlagValues, group: str, default: str = embedded.SCENES
) -> None:
  """Defines --checkpoint; the default is the name of an embedded model."""
  known = ', '.join(f'{name} ({on})' for name, on in embedded.MODELS.items())
  flags.DEFINE_string(
    'checkpoint',
    default,
    "PATH|NAME: a run's folder, an exported model.npz, or a model that the "
    f'package carries, with what it was trained on: {known}',
    flag_values=values,
    module_name=group,
  )


def define_networks(
  values: flags.FlagValues, group: str, default: str = embedded.SCENES
) -> None:
  """Defines --checkpoint, and --segmenter and --refiner as its alternative."""
  define_checkpoint(values, group, default)
  # Default None: folders of earlier versions did not record these flags.
  flags.DEFINE_string(
    'segmenter',
    None,
    "PATH|MODULE:NAME: a segmenter only, instead of --checkpoint: a run's "
    'folder, an exported model.npz, an ONNX file, or package.module:function '
    'for a function of NumPy arrays',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_string(
    'refiner',
    None,
    'PATH: the refiner to use with --segmenter: a run or an exported model '
    'with the same classes',
    flag_values=values,
    module_name=group,
  )


def define_correctors(values: flags.FlagValues, group: str) -> None:
  """Defines --correctors."""
  # Default None: folders of earlier versions did not record this flag.
  flags.DEFINE_string(
    'correctors',
    None,
    'PATH: a run, an exported model or a converted file whose correctors are '
    'used with these networks, too',
    flag_values=values,
    module_name=group,
  )


def define_plan(values: flags.FlagValues, group: str) -> None:
  """Defines the scales of the stages; unset flags keep the model's settings."""
  own = "; the model's setting if not given"
  flags.DEFINE_float(
    'first',
    None,
    'X: scale of a side at which the first stage works, in windows, in (0, 1]; '
    f'0: the whole image in one window{own}',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_float(
    'last',
    None,
    'X: scale of a side at which the last stage works, in (0, 1]; below 1 the '
    f'result is enlarged{own}',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_string(
    'factor',
    None,
    'X: largest growth of a side from stage to stage: a number above 1, '
    f'{" or ".join(plans.FACTORS)}{own}',
    flag_values=values,
    module_name=group,
  )


def define_budget(values: flags.FlagValues, group: str) -> None:
  """Defines --budget."""
  flags.DEFINE_string(
    'budget',
    '',
    'patch|half|quarter|trained: the way that tune has chosen for this share '
    'of the time of blended windows at full size, or the settings of the '
    'training; the way that tune made the default if not given',
    flag_values=values,
    module_name=group,
  )


def load(values: flags.FlagValues, **plan: object) -> Model:
  """Loads the model and applies the flags to its settings.

  Args:
    values: flags of this module that the command defines.
    **plan: settings of the section `plan` to change.

  Raises:
    InputError: the files cannot be used together or at all, or a setting is
      out of range.
  """
  model, _ = load_with_meta(values)
  return change(model, values, **plan)


def load_with_meta(values: flags.FlagValues) -> tuple[Model, Meta]:
  """Loads the model as it was trained, and its metadata."""
  model, meta = _load(values)
  if 'correctors' in values and values.correctors:
    model = combine.with_correctors(model, values.correctors)
  return model, meta


def _load(values: flags.FlagValues) -> tuple[Model, Meta]:
  if 'segmenter' in values and (values.segmenter or values.refiner):
    if values['checkpoint'].present:
      raise InputError(
        f'--checkpoint={values.checkpoint} with --segmenter or --refiner: a '
        'checkpoint contains both networks; give one or the other'
      )
    if not values.segmenter:
      raise InputError(
        f'--refiner={values.refiner}: needs a segmenter; add --segmenter, or '
        'give --checkpoint for networks that were trained together'
      )
    return combine.load(values.segmenter, values.refiner, batch=values.batch)
  variables, meta = checkpoints.load(path(values))
  meta = engine_flags.with_precision(meta, values)
  return models.from_variables(variables, meta, name=values.checkpoint), meta


def path(values: flags.FlagValues) -> PathLike:
  """Returns the path of --checkpoint, by default of an embedded model."""
  if not values['checkpoint'].present:  # not what happens to have this name
    return embedded.file(values.checkpoint)
  found: str = values.checkpoint
  return found


def _scales(values: flags.FlagValues) -> dict[str, object]:
  """Settings of the plan that the flags of `define_plan` give."""
  given: dict[str, object] = {
    name: values[name].value
    for name in ('first', 'last', 'factor')
    if name in values and values[name].value is not None
  }
  if 'factor' in given and given['factor'] not in plans.FACTORS:
    text = str(given['factor'])
    try:
      given['factor'] = command_line.fraction(text, 'factor')
    except InputError:
      raise InputError(
        f'--factor={text}: must be {ranges.RANGES["factor"].rule()}, or one of '
        f'{", ".join(plans.FACTORS)}'
      ) from None
  return given


def change(model: Model, values: flags.FlagValues, **plan: object) -> Model:
  """Returns the model with the settings that the flags give, checked."""
  if 'budget' in values and values.budget:
    model = model.with_way(model.way(values.budget))
  given: dict[str, object] = {
    name: values[name].value
    for name in refinement_flags.NAMES
    if name in values and values[name].value not in (None, '')
  }
  if 'points' in given:
    given['points'] = command_line.share(str(given['points']), 'points')
  if 'windows' in given:
    given['windows'] = command_line.windows(str(given['windows']), 'windows')
  plan = {**_scales(values), **plan}
  changed: dict[str, Section] = {
    'plan': {**model.settings['plan'], **plan},
    'refine': {**model.settings['refine'], **given},
  }
  pipeline = model.pipeline
  if 'pipeline' in values and values.pipeline is not None:
    pipeline = values.pipeline
  model = dataclasses.replace(
    model,
    settings=changed,
    pipeline=pipeline,
    # A first scale that the user asks for must fit the images; one that the
    # model brings gives way to small images.
    strict=bool(plan.get('first')),
  )
  # Checked here once, before any image is read.
  settings.options(changed['refine'])
  model.plan(model.network)
  return engine_flags.place(model, values)
