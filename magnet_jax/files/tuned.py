"""Settings chosen after a training, beside its checkpoints."""

import pathlib

from magnet_jax import checked
from magnet_jax.files import bundle, records
from magnet_jax.files.atomic import PathLike
from magnet_jax.ops import selection
from magnet_jax.types import Meta, Section

NAME = 'tuned.json'
MODEL = 'model.npz'  # what a run exports


def write(path: PathLike, settings: Section) -> pathlib.Path:
  """Writes settings that take precedence over those of the training.

  An exported file is rewritten, including the one in a run's folder. In a run
  they are kept beside the refiner's checkpoints, which do not change.

  Args:
    path: an exported .npz file, or the folder of a run.
    settings: of the section `refine`.

  Returns:
    The file that was written.

  Raises:
    InputError: the file is not a model, or writing fails.
  """
  path = pathlib.Path(path)
  if path.is_dir():
    beside = path / 'refiner'
    target = (beside if beside.is_dir() else path) / NAME
    records.write_json(target, {**of(target.parent), **settings})
    if (path / MODEL).exists():
      _rewrite(path / MODEL, settings)
    return target
  _rewrite(path, settings)
  return path


def _rewrite(path: pathlib.Path, settings: Section) -> None:
  variables, meta = bundle.read(path)
  bundle.export(path, variables, meta.override('refine', **settings))


def laid_over(meta: Meta, step: pathlib.Path) -> Meta:
  """Returns a checkpoint's metadata with the settings chosen since.

  Args:
    meta: of the checkpoint.
    step: its folder, in `checkpoints` or in the network's own folder.

  Raises:
    InputError: the file of the settings is damaged, or the metadata has no
      such section.
  """
  store = step.parent
  settings = of(store.parent if store.name == 'checkpoints' else store)
  if not settings:
    return meta
  with checked.named(str(step)):
    return meta.override('refine', **settings)


def of(folder: pathlib.Path) -> Section:
  """Returns the settings that were chosen for a network, if any.

  Args:
    folder: of the network, such as `refiner` in that of a run.

  Raises:
    InputError: their file is damaged, or its K is out of range.
  """
  path = folder / NAME
  if not path.exists():
    return {}
  remedy = 'remove it and choose again with magnet-jax tune'
  found = records.read_object(path, remedy)
  if 'points' in found:
    checked.call(_points, {'points': found['points']}, f'{path}: settings')
  return found


def _points(points: str | float) -> None:
  """Raises InputError for a K out of range."""
  if not isinstance(points, str):
    selection.count_points(points, 1)
