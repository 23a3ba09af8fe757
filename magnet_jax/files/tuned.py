"""Settings chosen after a training, beside its checkpoints."""

from collections.abc import Mapping
import dataclasses
import pathlib

from magnet_jax import checked, ranges
from magnet_jax.files import bundle, records
from magnet_jax.files.atomic import PathLike
from magnet_jax.ops import selection
from magnet_jax.types import InputError, Meta, Section

NAME = 'tuned.json'
MODEL = 'model.npz'  # what a run exports
_SECTIONS = ('plan', 'refine', 'ways')


def write(path: PathLike, sections: Mapping[str, Section]) -> pathlib.Path:
  """Writes settings that take precedence over those of the training.

  An exported file is rewritten, including the one in a run's folder. In a run
  they are kept beside the checkpoints of its last network, which do not change.

  Args:
    path: an exported .npz file, or the folder of a run.
    sections: settings of `plan` and `refine`, and the `ways` by name.

  Returns:
    The file that was written.

  Raises:
    InputError: the file is not a model, or writing fails.
  """
  path = pathlib.Path(path)
  if path.is_dir():
    kinds = [path / kind for kind in ('refiner', 'segmenter')]
    folder = next((each for each in kinds if each.is_dir()), path)
    records.write_json(folder / NAME, _merged(of(folder), sections))
    if (path / MODEL).exists():
      bundle.rewrite(path / MODEL, lambda meta: lay_over(meta, sections))
    return folder / NAME
  bundle.rewrite(path, lambda meta: lay_over(meta, sections))
  return path


def drop(path: pathlib.Path) -> bool:
  """Removes the settings chosen for a run's networks.

  Args:
    path: the folder of the run.

  Returns:
    Whether there were any.
  """
  found = [
    each / NAME
    for each in (path / 'segmenter', path / 'refiner')
    if (each / NAME).exists()
  ]
  for file in found:
    file.unlink()
  return bool(found)


def lay_over(meta: Meta, sections: Mapping[str, Section]) -> Meta:
  """Returns metadata with some settings changed or added."""
  return dataclasses.replace(meta, config=_merged(meta.config, sections))


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
  sections = of(store.parent if store.name == 'checkpoints' else store)
  with checked.named(str(step)):
    for name in sections.keys() - {'ways'}:
      meta.section(name)
  return lay_over(meta, sections)


def of(folder: pathlib.Path) -> dict[str, Section]:
  """Returns the sections that were chosen for a network, if any.

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
  # Earlier versions chose K only, without a section.
  if 'points' in found:
    found = {'refine': found}
  for name, values in found.items():
    if name not in _SECTIONS or not isinstance(values, Mapping):
      raise InputError(
        f'{path}: {name} is {values!r:.60}: must be settings of '
        f'{", ".join(_SECTIONS)}; {remedy}'
      )
  with checked.named(str(path)):
    ranges.check_all(found)
  refine = found.get('refine', {})
  if 'points' in refine:
    checked.call(_points, {'points': refine['points']}, f'{path}: settings')
  return found


def _merged(
  before: Mapping[str, Section], sections: Mapping[str, Section]
) -> dict[str, Section]:
  """Returns sections with settings laid over those of before."""
  changed = {
    name: {**before.get(name, {}), **values}
    for name, values in sections.items()
  }
  return {**before, **changed}


def _points(points: str | float) -> None:
  """Raises InputError for a K out of range."""
  if not isinstance(points, str):
    selection.count_points(points, 1)
