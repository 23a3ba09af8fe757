"""Settings chosen after a training, beside its checkpoints."""

import pathlib

from magnet_jax import checked
from magnet_jax.files import bundle, records
from magnet_jax.files.atomic import PathLike
from magnet_jax.ops import selection
from magnet_jax.types import InputError, Meta, Section

NAME = 'tuned.json'
MODEL = 'model.npz'  # what a run exports


def write(
  path: PathLike, settings: Section, plan: Section | None = None
) -> pathlib.Path:
  """Writes settings that take precedence over those of the training.

  An exported file is rewritten, including the one in a run's folder. In a run
  they are kept beside the checkpoints of the refiner, or of the segmenter where
  there is none, which do not change.

  Args:
    path: an exported .npz file, or the folder of a run.
    settings: of the section `refine`.
    plan: settings of the section `plan`.

  Returns:
    The file that was written.

  Raises:
    InputError: the file is not a model, or writing fails.
  """
  path = pathlib.Path(path)
  plan = plan or {}
  if path.is_dir():
    beside = [path / kind for kind in ('refiner', 'segmenter')]
    folder = next((each for each in beside if each.is_dir()), path)
    before = of(folder)
    after = {**before, **settings}
    if plan:
      after['plan'] = {**before.get('plan', {}), **plan}
    records.write_json(folder / NAME, after)
    if (path / MODEL).exists():
      _rewrite(path / MODEL, settings, plan)
    return folder / NAME
  _rewrite(path, settings, plan)
  return path


def _rewrite(path: pathlib.Path, settings: Section, plan: Section) -> None:
  variables, meta = bundle.read(path)
  meta = _overridden(meta, {**settings, 'plan': plan})
  bundle.export(path, variables, meta)


def _overridden(meta: Meta, settings: Section) -> Meta:
  """Lays settings of `refine`, and those under 'plan', over metadata."""
  refine = {name: each for name, each in settings.items() if name != 'plan'}
  if refine:
    meta = meta.override('refine', **refine)
  plan = settings.get('plan')
  return meta.override('plan', **plan) if plan else meta


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
    return _overridden(meta, settings)


def of(folder: pathlib.Path) -> Section:
  """Returns the settings of `refine` that were chosen for a network, if any.

  Those of `plan` are a mapping of that name.

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
  if not isinstance(found.get('plan', {}), dict):
    raise InputError(
      f'{path}: plan is {found["plan"]!r:.60}: must be settings by name; '
      f'{remedy}'
    )
  return found


def _points(points: str | float) -> None:
  """Raises InputError for a K out of range."""
  if not isinstance(points, str):
    selection.count_points(points, 1)
