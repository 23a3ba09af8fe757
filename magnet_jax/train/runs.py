"""Both trainings in one folder, and the model that they produce."""

from collections.abc import Callable, Sequence
import functools
import math
import pathlib
import shutil

import ml_collections

from magnet_jax import parallel
from magnet_jax.data import augment, splits
from magnet_jax.data.folds import Indices
from magnet_jax.evaluate import comparison
from magnet_jax.files import bundle, checkpoints, records, tuned
from magnet_jax.predict import model as models
from magnet_jax.refiners import scale_attention
from magnet_jax.train import (
  attention_task,
  beforehand,
  curve,
  loop,
  refiner_task,
  run_folder,
  segmenter_task,
  unseen,
  warm_start,
)
from magnet_jax.tuning import shown, tuning
from magnet_jax.types import CORRECTOR, InputError, Meta, Section

_TUNE = 'tune'  # folder of the measurements of tune
STAGES = ('both', 'segmenter', 'refiner')


def run(
  config: ml_collections.ConfigDict,
  folder: pathlib.Path,
  *,
  stage: str = 'both',
  programs: Sequence[str] = (),
  hours: float | None = None,
) -> pathlib.Path | None:
  """Trains, or resumes a training that was interrupted.

  Args:
    config: all settings.
    folder: holds config.json, one folder per network with its checkpoints and
      records, the measurements of the tuning, and at the end model.npz.
    stage: 'segmenter', 'refiner' (needs the segmenter of this folder or of
      train.refiner.segmenter) or 'both', which skips what is finished.
    programs: that the scalars are written for as well, keys of
      `scalars.PROGRAMS`.
    hours: time budget of the trainings together, instead of the config's.

  Returns:
    The exported model; None while there is no refiner, unless refine.fusion
    needs none, and in all processes but the first.

  Raises:
    InputError: for bad settings, a folder with another config, or a loss that
      is not finite.
  """
  config = current(config)
  networks = _networks(config, stage)
  attends = config.refine.fusion == scale_attention.NAME
  if attends:  # needs no images
    attention_task.check(config)
  images = splits.Splits(config.data)
  # The refiner's settings are checked before the segmenter is trained.
  beforehand.check(config, images, STAGES[1:], refines='refiner' in networks)
  left_out = unseen.left_out(config, images) if 'refiner' in networks else ()
  if hours is not None:
    config = budgeted(config, hours, networks, len(left_out))
  first = 'segmenter' in networks or bool(left_out)
  # Built before anything is written, as that checks the settings.
  tasks = segmenter_task.make_all(config, images, left_out) if first else []
  if parallel.is_main():  # the only one that reads and writes the folder
    if not run_folder.is_begun(folder):
      _check_starts(config, segmenter=first, refiner='refiner' in networks)
    if 'segmenter' not in networks:
      _segmenter(config, folder)
  with run_folder.prepared(config, folder):
    if first:
      main, *others = tasks
      if 'segmenter' in networks:
        again = functools.partial(_forget_refiner, config, folder)
        train_one(main, folder / 'segmenter', programs, hours, again)
      for task, part in zip(others, _parts(folder, left_out), strict=True):
        train_one(task, part.segmenter, programs, hours)
      del main, others, tasks  # their compiled functions
    if 'refiner' in networks:
      segmenter = _segmenter(config, folder)
      parts = _parts(folder, left_out)
      task = (
        attention_task.make(config, images, segmenter)
        if attends
        else refiner_task.make(config, images, segmenter, parts)
      )
      train_one(task, folder / 'refiner', programs, hours)
    return _export(config, folder)


def _export(
  config: ml_collections.ConfigDict, folder: pathlib.Path
) -> pathlib.Path | None:
  """Writes the model of a run, tuned if the config says so."""
  trained = (folder / 'refiner').is_dir()
  if not parallel.is_main() or not (trained or config.refine.fusion == 'mean'):
    return None
  variables, meta = checkpoints.load(folder)
  # A gate brings its segmenter.
  if config.refine.fusion != scale_attention.NAME:
    variables['segmenter'] = warm_start.frozen(_segmenter(config, folder))
  last = folder / ('refiner' if trained else 'segmenter')
  if config.tune.images and not tuned.of(last):
    best = _tune(config, folder, variables, meta)
    tuned.write(folder, best)
    meta = tuned.lay_over(meta, best)
  path = folder / tuned.MODEL
  bundle.export(path, variables, meta)
  return path


def check_hours(hours: float) -> None:
  """Raises InputError unless a training can take so long."""
  if not 0 < hours < math.inf:
    raise InputError(f'--hours={hours:g}: must be above 0; or leave it out')


def budgeted(
  config: ml_collections.ConfigDict,
  hours: float,
  networks: Sequence[str],
  folds: int = 0,
) -> ml_collections.ConfigDict:
  """Returns the config with a time budget for all that a run trains.

  Args:
    config: all settings.
    hours: of the trainings together, above 0.
    networks: which of 'segmenter' and 'refiner' are trained.
    folds: number of further segmenters, if the refiner is.

  Raises:
    InputError: the budget is out of range.
  """
  check_hours(hours)
  # The refiner has half the time of the segmenter; a fold, as its steps.
  shares = dict.fromkeys(networks, 1.0)
  if 'refiner' in shares:
    shares |= {'refiner': 0.5, 'folds': config.train.refiner.fold_steps * folds}
  if not shares:
    return config
  unit = hours / sum(shares.values())
  config = config.copy_and_resolve_references()
  config.train.segmenter.hours = unit
  config.train.refiner.hours = unit * shares.get('refiner', 0.0)
  return config


def _networks(config: ml_collections.ConfigDict, stage: str) -> list[str]:
  """The networks that are trained."""
  if stage != 'both':
    return [stage]
  trained = {
    'segmenter': not config.train.refiner.segmenter,
    'refiner': config.refine.fusion != 'mean',  # a mean has nothing to train
  }
  return [name for name, wanted in trained.items() if wanted]


def current(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
  """Returns a config of an earlier version with the settings of this one."""
  if 'colour_jitter' not in config.augment:
    return config
  config = config.copy_and_resolve_references()
  tones = augment.from_jitter(config.augment.colour_jitter)
  with config.unlocked():
    del config.augment.colour_jitter
    config.augment.update(tones)
  return config


def _tune(
  config: ml_collections.ConfigDict,
  folder: pathlib.Path,
  variables: Section,
  meta: Meta,
) -> dict[str, Section]:
  """The way of running the model that is best on some images of val."""
  if parallel.processes() > 1:  # the others are done: it would wait for them
    print('settings stay as configured; choose them with magnet-jax tune')
    return {}
  # No cache, as each image is read once for all candidates.
  data = {**config.data.to_dict(), 'cache_mb': 0}
  source = splits.open_split(data, 'val')
  result = tuning.tune(
    models.from_variables(variables, meta, name=str(folder)),
    comparison.from_source(source)[: config.tune.images],
    points=config.tune.points,
    folder=folder / _TUNE,
    settings={'split': 'val'},
  )
  print(shown.text(result))
  return result.sections()


def _parts(
  folder: pathlib.Path, left_out: Sequence[Indices]
) -> list[unseen.Part]:
  """What the refiner is trained on, with the folders of the segmenters."""
  return [
    unseen.Part(images, folder / unseen.FOLDER / str(number))
    for number, images in enumerate(left_out, start=1)
  ]


def train_one(
  task: loop.Task,
  folder: pathlib.Path,
  programs: Sequence[str],
  hours: float | None,
  begins: Callable[[], None] = lambda: None,
) -> None:
  """Trains one network, and prints how its score rose.

  Args:
    task: the training.
    folder: of the network, in that of the run.
    programs: that the scalars are written for as well, keys of
      `scalars.PROGRAMS`.
    hours: the time budget, if one was given for all trainings together.
    begins: called before the first step, if there is one left.
  """
  if task.team.note and parallel.is_main():
    print(task.team.note)
  trained = loop.train(task, folder, programs=programs, begins=begins)
  if not parallel.is_main():
    return
  if not trained:
    print(f'{task.name}: had ended; more steps, hours or patience extend it')
  else:
    found = records.read(folder / 'train.jsonl')
    text = curve.text(task.name, found, task.limits, budget=hours)
    lines = text.split('\n')
    if folder.parent.name == unseen.FOLDER:  # meant to end early
      print(lines[0])
      return
    print('\n'.join(lines))
    if folder.name.startswith(CORRECTOR):  # the stages do not use it
      return
    # The choice, and what was measured for it, belong to the weights of before.
    shutil.rmtree(folder.parent / _TUNE, ignore_errors=True)
    if tuned.drop(folder.parent):
      print(
        'the networks have changed: how the model is run is chosen again, here '
        'if tune.images is above 0, or by magnet-jax tune'
      )


def _forget_refiner(
  config: ml_collections.ConfigDict, folder: pathlib.Path
) -> None:
  """Removes a refiner that was trained for the segmenter as it was."""
  own = not config.train.refiner.segmenter
  if own and parallel.is_main() and (folder / 'refiner').is_dir():
    shutil.rmtree(folder / 'refiner')
    print('the segmenter trains on: its refiner is trained again')


def _segmenter(
  config: ml_collections.ConfigDict, folder: pathlib.Path
) -> pathlib.Path:
  """Path of the segmenter for the run's refiner: its own, or another one."""
  if config.train.refiner.segmenter:
    return pathlib.Path(config.train.refiner.segmenter)
  if parallel.is_main() and not (folder / 'segmenter').is_dir():
    raise InputError(
      f'{folder}: has no segmenter yet, which the refiner needs; train '
      '--stage=segmenter or both first, or set train.refiner.segmenter'
    )
  return folder / 'segmenter'


def _check_starts(
  config: ml_collections.ConfigDict, *, segmenter: bool, refiner: bool
) -> None:
  """Checks what a new run starts from; a resumed one no longer needs it."""
  training = config.train
  init = training.segmenter.init
  if segmenter and init:
    trunk = config.segmenter.get('trunk', 'none')
    warm_start.check(init, 'segmenter', 'trunk', trunk=trunk)
  if refiner:
    if training.refiner.segmenter:
      warm_start.check(training.refiner.segmenter, 'segmenter')
    if training.refiner.init:
      warm_start.check(training.refiner.init, 'refiner')
