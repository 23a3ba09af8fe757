"""Settings that were chosen after a training, beside what it left."""

from collections.abc import Mapping
import pathlib
from typing import Any

from magnet_jax.files import bundle, records
from magnet_jax.files.atomic import PathLike

NAME = 'tuned.json'
MODEL = 'model.npz'  # what a run exports


def write(path: PathLike, settings: Mapping[str, Any]) -> pathlib.Path:
  """Lays settings over those that a model was trained with.

  An exported file is written anew, in a run that there is, too; a run keeps
  them beside its refiner's checkpoints, which stay as they are.

  Args:
    path: an exported .npz file, or the folder of a run.
    settings: of the section `refine`.

  Returns:
    The file that was written.

  Raises:
    InputError: the file is no model, or the system refuses to write.
  """
  path = pathlib.Path(path)
  if path.is_dir():
    beside = path / 'refiner'
    target = (beside if beside.is_dir() else path) / NAME
    records.write_json(target, {**of(target.parent), **settings})
    if (path / MODEL).exists():
      _write_file(path / MODEL, settings)
    return target
  _write_file(path, settings)
  return path


def _write_file(path: pathlib.Path, settings: Mapping[str, Any]) -> None:
  variables, meta = bundle.read(path)
  bundle.export(path, variables, over(meta, settings))


def laid_over(meta: Mapping[str, Any], step: pathlib.Path) -> dict[str, Any]:
  """What a checkpoint says of itself, with the settings chosen since.

  Args:
    meta: of the checkpoint.
    step: its folder, in `checkpoints` or in the network's own folder.

  Raises:
    InputError: if the file of the settings is damaged.
  """
  store = step.parent
  folder = store.parent if store.name == 'checkpoints' else store
  return over(meta, of(folder))


def over(meta: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
  """The meta with settings of `refine` in place of those in its config."""
  if not settings:
    return meta
  config = meta['config']
  refine = {**config['refine'], **settings}
  return {**meta, 'config': {**config, 'refine': refine}}


def of(folder: pathlib.Path) -> dict[str, Any]:
  """The settings that were chosen for a network; none if none were.

  Args:
    folder: of the network, such as `refiner` in that of a run.

  Raises:
    InputError: if their file is damaged.
  """
  path = folder / NAME
  if not path.exists():
    return {}
  return records.read_object(
    path, 'remove it and choose again by magnet-jax tune'
  )
