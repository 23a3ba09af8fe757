"""`magnet-jax train`."""

from collections.abc import Sequence
import functools
import pathlib
import shlex

from absl import flags

from magnet_jax import parallel
from magnet_jax.cli import config_file, host_flags, messages
from magnet_jax.cli.command_line import Arguments
from magnet_jax.predict import correctors
from magnet_jax.predict.correctors import CORRECTORS
from magnet_jax.train import corrector_run, run_folder, runs, scalars
from magnet_jax.types import InputError

NAMES = False
_SINGLE = tuple(
  f'--config.train.{network}.hours'
  for network in ('segmenter', 'refiner', *CORRECTORS)
)
_LISTED = '\n'.join(f'    {n:14}{row.about}' for n, row in CORRECTORS.items())
HELP = f"""
  usage: magnet-jax train --workdir=DIR [--config=FILE|NAME] [flags]

  Trains the segmenter on windows of all stages, then what refine.fusion needs,
  a refiner, a gate, or nothing for the mean, and exports the model as
  DIR/model.npz. After an interruption at any moment, the same command resumes
  the run, with the same result unless a time budget cuts it short. It stops
  once the score on val no longer rises, or after --hours, and prints how the
  score rose. DIR also holds config.json, and one folder per network with
  checkpoints/ and train.jsonl, one record per step. If tune.images is above 0,
  it then chooses how the model is run, like magnet-jax tune.

  With --stage=NAME, it trains a corrector of finished maps for what it has
  trained before, in DIR/refiner_NAME, and adds it to DIR/model.npz:
{_LISTED}
  The segmenter may be that of another run or model, if it fits the config:
  --config.train.NAME.segmenter=PATH.

  With --workdir alone, a run that is begun goes on with its own settings. More
  steps, hours or patience extend one that has ended. If its segmenter trains
  on, the refiner is trained again.

  examples:
    magnet-jax train --config=tiny --workdir=/tmp/tiny
    magnet-jax train --config=configs/carrotweed.py --workdir=runs/carrotweed
    magnet-jax train --workdir=runs/a --config.train.segmenter.steps=4000
    magnet-jax train --workdir=runs/a
    magnet-jax train --config=photos/config.py --workdir=runs/b --hours=0.5
    magnet-jax train --config=runs/b/config.json --workdir=runs/c
    magnet-jax train --config=tiny --workdir=/tmp/tiny --stage=deep_guided
    srun magnet-jax train --config=cityscapes --workdir=runs/city
"""


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  text = functools.partial(flags.DEFINE_string, flag_values=values)
  group = 'settings'
  text(
    'config',
    None,
    'FILE|NAME: a Python file, which is run as a program; a .json file, such '
    "as a run's config.json, which is only read; or the name of a shipped "
    'config, such as default. A run that is begun needs none: its own is '
    'DIR/config.json. '
    '--config.KEY=VALUE changes a field of it',
    module_name=group,
  )
  flags.DEFINE_enum(
    'stage',
    'both',
    [*runs.STAGES, *CORRECTORS],
    'what to train: the segmenter, the refiner, both, or for a trained model a '
    'corrector of finished maps',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_float(
    'hours',
    None,
    'H: time budget of all trainings together, instead of those of the config; '
    '--config.train.segmenter.hours and --config.train.refiner.hours set them '
    'one by one',
    flag_values=values,
    module_name=group,
  )
  group = 'output'
  text('workdir', '', 'DIR: of this run (required)', module_name=group)
  for name, told in (
    ('tensorboard', 'also write the scalars for TensorBoard'),
    ('wandb', 'also send the scalars to Weights & Biases'),
  ):
    flags.DEFINE_bool(
      name,
      False,
      f'{told}; needs magnet-jax[{name}]',
      flag_values=values,
      module_name=group,
    )
  host_flags.define(values)


def run(arguments: Arguments) -> int:
  """Trains the networks that the flags choose."""
  values = arguments.flags
  if not values.workdir:
    raise InputError('--workdir: missing; name a folder for the run')
  folder = pathlib.Path(values.workdir)
  if values.hours is not None:
    _check_hours(values.hours, arguments.overrides)
  programs = [name for name in scalars.PROGRAMS if values[name].value]
  scalars.check(programs)
  with host_flags.work(values):
    config = config_file.override(_config(values, folder), arguments.overrides)
    corrects = values.stage in CORRECTORS
    train = corrector_run.run if corrects else runs.run
    model = train(
      config,
      folder,
      stage=values.stage,
      programs=programs,
      hours=values.hours,
    )
  if model and parallel.is_main():
    shown = correctors.shown(values.stage)
    methods = f' --methods=patch,{shown}' if corrects else ''
    split = 'test' if _has_test(config) else 'val'
    where = shlex.quote(str(folder))
    # With the segmenter of another run, only the model has all networks.
    whole = folder if (folder / 'segmenter').is_dir() else model
    checkpoint = shlex.quote(str(whole))
    messages.tell(
      f'magnet-jax evaluate --checkpoint={checkpoint} --split={split}{methods} '
      f'--out={where}/{split}'
    )
    if not corrects:
      messages.tell(
        f'magnet-jax segment IMAGE… --checkpoint={shlex.quote(str(model))}'
      )
  return 0


def _config(
  values: flags.FlagValues, folder: pathlib.Path
) -> config_file.Config:
  """Loads --config; if that is not given, the config of the run itself."""
  own = folder / run_folder.CONFIG
  there = parallel.gather(own.is_file())
  if values.config is not None:
    return config_file.load(values.config)
  if not any(there):
    raise InputError(
      f'{own}: no such file, so no run to go on with; check --workdir, or name '
      'the settings of a new run, such as --config=default'
    )
  if not all(there):
    raise InputError(
      f'{own}: only some of the processes can read it; give all of them the '
      'same --config'
    )
  if parallel.is_main():
    messages.tell(f'settings of {own}')
  return config_file.load(str(own))


def _has_test(config: config_file.Config) -> bool:
  """Returns whether there are images to test on."""
  data = config.data
  if data.kind == 'scenes':
    return bool(data.test_scenes)
  return data.kind == 'files' and bool(data.test)


def _check_hours(hours: float, overrides: Sequence[str]) -> None:
  """Refuses a budget of all trainings together with one of a single training.

  Raises:
    InputError: the overrides set one.
  """
  for word in overrides:
    if word.partition('=')[0] in _SINGLE:
      raise InputError(
        f'--hours={hours:g} and {word}: both set a time budget; leave one out'
      )
