"""The training of a corrector in the folder of a run, and its model."""

from collections.abc import Sequence
import pathlib

import ml_collections

from magnet_jax import parallel
from magnet_jax.data import splits
from magnet_jax.files import bundle, checkpoints, tuned
from magnet_jax.train import (
  beforehand,
  corrector_task,
  run_folder,
  runs,
  warm_start,
)
from magnet_jax.types import CORRECTOR, InputError


def run(
  config: ml_collections.ConfigDict,
  folder: pathlib.Path,
  *,
  stage: str,
  programs: Sequence[str] = (),
  hours: float | None = None,
) -> pathlib.Path | None:
  """Trains a corrector with a trained segmenter, or resumes its training.

  Args:
    config: all settings.
    folder: of the run whose segmenter makes the maps, unless
      train.NAME.segmenter names another one; receives refiner_NAME with
      checkpoints and records, and model.npz with all networks.
    stage: name of the corrector, a key of `correctors.CORRECTORS`.
    programs: that the scalars are written for as well, keys of
      `scalars.PROGRAMS`.
    hours: time budget, instead of the config's.

  Returns:
    The exported model; None in all processes but the first.

  Raises:
    InputError: for bad settings, a folder with another config, a missing
      segmenter, or a loss that is not finite.
  """
  config = runs.current(config)
  if hours is not None:
    runs.check_hours(hours)
    config = config.copy_and_resolve_references()
    config.train[stage].hours = hours
  images = splits.Splits(config.data)
  beforehand.check(config, images, [stage])
  source = _segmenter(config, folder, stage)
  own = folder / f'{CORRECTOR}{stage}'
  init = corrector_task.init(config.train[stage].init, source)
  if init and parallel.is_main() and not own.is_dir():
    trunk = config.correctors[stage].get('trunk', 'none')
    warm_start.check(init, own.name, trunk=trunk)
  task, before = corrector_task.make(config, images, stage, source)
  with run_folder.prepared(config, folder, stage):
    # As process 0 sees it, which alone has the folder.
    if not parallel.gather(own.is_dir())[0]:
      given = before()
      if parallel.is_main():
        print(f'{stage}: val mIoU {100 * given:.1f} of the maps as they are')
    runs.train_one(task, own, programs, hours)
  if not parallel.is_main():
    return None
  path = folder / tuned.MODEL
  _export(path, folder, source)
  return path


def _segmenter(
  config: ml_collections.ConfigDict, folder: pathlib.Path, name: str
) -> pathlib.Path:
  """Path of the model whose segmenter makes the maps."""
  training = config.train
  elsewhere = training[name].segmenter or training.refiner.segmenter
  if elsewhere:
    return pathlib.Path(elsewhere)
  if parallel.is_main() and not (folder / 'segmenter').is_dir():
    raise InputError(
      f'{folder}: has no segmenter, whose maps {name} corrects; train one '
      f'first by --stage=both, or set train.{name}.segmenter to a run or model'
    )
  return folder


def _export(
  path: pathlib.Path, folder: pathlib.Path, source: pathlib.Path
) -> None:
  """Writes the networks of a run, with what it lacks from another model."""
  variables, meta = checkpoints.load(folder)
  if 'segmenter' not in variables:
    others, of_others = checkpoints.load(source)
    if 'refiner' not in variables:
      names = [kind.removeprefix(CORRECTOR) for kind in variables]
      own = {name: meta.section('correctors')[name] for name in names}
      meta = tuned.lay_over(of_others, {'correctors': own})
    variables = {**others, **variables}
  bundle.export(path, variables, meta)
