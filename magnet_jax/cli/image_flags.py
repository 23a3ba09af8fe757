"""Flags of labelled images, for the commands that score on them."""

from absl import flags

from magnet_jax import checked
from magnet_jax.cli import config_file
from magnet_jax.cli.command_line import Arguments
from magnet_jax.data import classes, file_pairs, reading, splits
from magnet_jax.evaluate import comparison
from magnet_jax.evaluate.comparison import Load
from magnet_jax.files import embedded
from magnet_jax.predict.model import Model
from magnet_jax.types import InputError, Meta, Section


def define(values: flags.FlagValues, group: str) -> None:
  """Defines --config, --split, --images and --limit."""
  flags.DEFINE_string(
    'config',
    '',
    'FILE|NAME: config whose section data names the images; the '
    "checkpoint's own if not given. --config.data.KEY=VALUE changes a field",
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_enum(
    'split',
    'val',
    ['val', 'test', 'train'],
    'split of the data to use',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_string(
    'images',
    '',
    'PATH: other images instead: a list of image<TAB>label lines, or a folder '
    'with images/ and labels/ (masks/, gt/) in it',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_integer(
    'limit',
    None,
    'N: use only the first N images',
    flag_values=values,
    module_name=group,
  )


def loads(arguments: Arguments, model: Model, meta: Meta) -> list[Load]:
  """Returns readers of the images that the flags name.

  Args:
    arguments: with the flags of this module and of `model_flags`.
    model: the model that will segment them; its classes must match.
    meta: of the model; its data are used if the flags name none.

  Raises:
    InputError: there are no such data, or they have other classes.
  """
  values = arguments.flags
  if values.config:
    base = config_file.load(values.config)
  else:
    with checked.named(_model_name(values)):
      base = config_file.from_meta(meta)
  data = config_file.override(base, arguments.overrides).data.to_dict()
  if values.images:
    found = comparison.from_pairs(
      file_pairs.find(values.images),
      model.classes,
      colours=data['colours'],
      how=reading.from_settings(data),
    )
  else:
    _check_classes(values, model, data)
    # Each image is read once: a cache would only use up memory.
    source = splits.open_split({**data, 'cache_mb': 0}, values.split)
    found = comparison.from_source(source)
  return found[: values.limit]


def _model_name(values: flags.FlagValues) -> str:
  given = [values[n].value for n in ('segmenter', 'checkpoint') if n in values]
  return embedded.told(next(filter(None, given)))


def _check_classes(
  values: flags.FlagValues, model: Model, data: Section
) -> None:
  table = classes.get(data['classes'])
  names = model.classes.names
  if table.names == names:
    return
  raise InputError(
    f'{_model_name(values)}: has the {len(names)} classes {", ".join(names)}, '
    f'the data have the {len(table)} classes {", ".join(table.names)}: must be '
    'the same; choose the data it was trained for by --config or --images'
  )
