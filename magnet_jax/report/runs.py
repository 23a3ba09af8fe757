"""Finds folders of runs as a user names them, and gives each a name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
import dataclasses
import pathlib

from magnet_jax.data import class_files, classes
from magnet_jax.evaluate import saved_runs
from magnet_jax.evaluate.saved_runs import Run
from magnet_jax.files import records
from magnet_jax.files.atomic import PathLike
from magnet_jax.files.records import Record
from magnet_jax.methods import table as method_table
from magnet_jax.report import views
from magnet_jax.report.views import View
from magnet_jax.types import ClassTable, InputError

_RECORDS = 'records.jsonl'
_TRAINING = 'train.jsonl'


@dataclasses.dataclass(frozen=True)
class Found:
  """The contents of a report on runs.

  Attributes:
    runs: evaluations by name, all of the same classes.
    views: (title, images to look at).
    training: records of trainings by name.
  """

  runs: dict[str, Run]
  views: list[tuple[str, View]]
  training: dict[str, list[Record]]

  @property
  def classes(self) -> ClassTable:
    """The class table, the same in all runs."""
    return next(iter(self.runs.values())).classes

  @property
  def images(self) -> set[str]:
    """Names of all images that have a record."""
    return {r['image'] for run in self.runs.values() for r in run.records}

  def only(self, images: Collection[str]) -> Found:
    """Returns the same, with only the records of some images."""
    kept = {
      name: dataclasses.replace(
        run, records=tuple(r for r in run.records if r['image'] in images)
      )
      for name, run in self.runs.items()
    }
    return dataclasses.replace(self, runs=kept)


def find(
  paths: Sequence[PathLike],
  table: ClassTable | None = None,
  reference: str = '',
) -> Found:
  """Reads the results of `evaluate --out` and `train` in folders.

  Args:
    paths: folders of evaluations, or of trainings with evaluations in them, or
      their .jsonl files; other files among them are skipped.
    table: classes of all runs; None uses those that each run recorded, or for
      older runs the known table that its scores agree with.
    reference: the method that others are compared with in the runs that have
      it; '' uses the one that each run recorded.

  Raises:
    InputError: no folder, one without records, one named twice, damaged
      records, runs of different classes, or no run with the reference.
  """
  folders: list[pathlib.Path] = []
  trainings: list[pathlib.Path] = []
  for path in _wanted(paths):
    folders += _evaluations(path)
    trainings += sorted({*path.glob(_TRAINING), *path.glob(f'*/{_TRAINING}')})
  names = _names(folders)
  tables = {n: table or _table(f) for n, f in zip(names, folders, strict=True)}
  _same(tables)
  known = next(iter(tables.values()))
  found = saved_runs.read_runs(dict(zip(names, folders, strict=True)), known)
  if reference:
    found = _compared_with(found, reference)
  several = len(folders) > 1
  shown = [
    (f'{name}: {view.name}' if several else view.name, view)
    for name, folder in zip(names, folders, strict=True)
    for view in views.read(folder, found[name].methods, found[name].reference)
  ]
  unique = list(dict.fromkeys(trainings))
  curves = zip(_names([f.parent for f in unique]), unique, strict=True)
  return Found(found, shown, {n: _training(path) for n, path in curves})


def _training(path: pathlib.Path) -> list[Record]:
  """Reads the records of a training, each of a step."""
  found = records.read(path)
  records.check_numbers(path, found, ['step'])
  return found


def _compared_with(found: dict[str, Run], reference: str) -> dict[str, Run]:
  """Changes the reference of the runs that have such a method."""
  present = dict.fromkeys(m for run in found.values() for m in run.methods)
  method_table.reference(list(present), reference)
  return {
    name: dataclasses.replace(run, chosen=reference)
    if reference in run.methods
    else run
    for name, run in found.items()
  }


def _wanted(paths: Sequence[PathLike]) -> list[pathlib.Path]:
  """The paths without other files, which a shell's * names as well."""
  found = [pathlib.Path(path) for path in paths]
  some = [p for p in found if not p.is_file() or p.suffix == '.jsonl']
  return some or found


def is_one(folder: pathlib.Path) -> bool:
  """Returns whether a folder is that of an evaluation."""
  return (folder / _RECORDS).exists()


def _evaluations(path: pathlib.Path) -> list[pathlib.Path]:
  """The folder itself, or those in it that hold records."""
  if not path.exists():
    raise InputError(f'{path}: no such folder; check the path')
  if path.is_file() or is_one(path):
    return [path]
  inside = sorted(found.parent for found in path.glob(f'*/{_RECORDS}'))
  if not inside:
    raise InputError(
      f'{path}: has no {_RECORDS}, nor has a folder in it; give a folder '
      'written by magnet-jax evaluate --out'
    )
  return inside


def _names(folders: Sequence[pathlib.Path]) -> list[str]:
  """The shortest endings of paths that distinguish runs and their splits.

  Runs of different folders include the folder even if the last part would do:
  'a/val' and 'b/test', but 'val' and 'test' if both are in one folder.
  """
  whole = [folder.resolve() for folder in folders]
  whole = [path.parent if path.name == _RECORDS else path for path in whole]
  for path in whole:
    if whole.count(path) > 1:
      raise InputError(f'{path}: is named twice; name each run once')
  parents = list({path.parent for path in whole})
  length = 1
  while not (_differ(whole, length) and _differ(parents, length - 1)):
    length += 1
  return ['/'.join(_ending(path, length)) for path in whole]


def _differ(paths: Sequence[pathlib.Path], length: int) -> bool:
  """Whether no two paths have the same ending."""
  return len({_ending(path, length) for path in paths}) == len(paths)


def _ending(path: pathlib.Path, length: int) -> tuple[str, ...]:
  parts = path.parts[1:]  # without the root
  return parts[max(0, len(parts) - length) :]


def _table(folder: pathlib.Path) -> ClassTable:
  """The classes that a run recorded, or that its scores agree with."""
  kept = saved_runs.settings_of(folder).get('classes')
  if kept is not None:
    try:
      return class_files.from_json(kept)
    except InputError as error:
      raise InputError(f'{folder / "settings.json"}: {error}') from error
  errors = {}
  for table in classes.TABLES.values():
    try:
      saved_runs.read_run(folder.name, folder, table)
    except InputError as error:
      errors[str(error)] = error
    else:
      return table
  if len(errors) == 1:  # the same for all tables: the records are damaged
    raise next(iter(errors.values()))
  raise InputError(
    f'{folder}: its settings record no classes, and its scores agree with '
    f'none of {", ".join(classes.TABLES)}; name them by --classes'
  )


def _same(tables: dict[str, ClassTable]) -> None:
  (first, known), *others = tables.items()
  for name, table in others:
    if (table.names, table.unscored) != (known.names, known.unscored):
      raise InputError(
        f'{name}: has the classes {_listed(table)}, but {first} has '
        f'{_listed(known)}: runs of one report must have the same; report '
        'them one by one'
      )


def _listed(table: ClassTable) -> str:
  """The names, marked where not scored, as runs may differ only in that."""
  return ', '.join(
    f'{name} (not scored)' if index in table.unscored else name
    for index, name in enumerate(table.names)
  )
