"""Reads and checks runs written by `magnet-jax evaluate --out`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import dataclasses
import math
import pathlib

import numpy as np

from magnet_jax.evaluate import circumstances, summary
from magnet_jax.evaluate import record as record_files
from magnet_jax.evaluate.record import Record
from magnet_jax.evaluate.summary import Row
from magnet_jax.files import records
from magnet_jax.files.atomic import PathLike
from magnet_jax.methods import table
from magnet_jax.metrics import confusion
from magnet_jax.types import ClassTable, InputError

_RECORDS = 'records.jsonl'
_SETTINGS = 'settings.json'
_SUMMARY = 'summary.json'


@dataclasses.dataclass(frozen=True)
class Run:
  """One evaluation.

  Attributes:
    name: used in tables and charts.
    records: one per image and method.
    classes: names and colours.
    settings: of the run, and its circumstances; empty where they were not
      kept.
    order: methods that come first in tables; others follow in order of
      appearance.
    chosen: the method that the others are compared with; the default if the
      run does not have it.
  """

  name: str
  records: tuple[Record, ...]
  classes: ClassTable
  settings: Mapping[str, object]
  order: tuple[str, ...] = ()
  chosen: str = ''

  @property
  def rows(self) -> list[Row]:
    """Each method over all images."""
    return summary.summarise(
      self.records, unscored=self.classes.unscored, order=self.order
    )

  @property
  def methods(self) -> list[str]:
    """Names of the methods, in the order of tables."""
    return list(summary.by_method(self.records, self.order))

  @property
  def reference(self) -> str:
    """The method that each other one is compared with."""
    names = self.methods
    return table.reference(names, self.chosen if self.chosen in names else '')

  def of(self, method: str) -> dict[str, Record]:
    """Returns the records of a method by the names of their images.

    Raises:
      InputError: the run has none; names the methods that it has.
    """
    found = {r['image']: r for r in self.records if r['method'] == method}
    if not found:
      raise InputError(
        f'method {method!r}: run {self.name} has no record of it; choose one '
        f'of {", ".join(self.methods)}'
      )
    return found


def read_runs(
  paths: Mapping[str, PathLike], classes: ClassTable
) -> dict[str, Run]:
  """Reads runs to compare.

  Args:
    paths: by the name of each run; see `read_run`.
    classes: of all of them.

  Returns:
    The runs by name, in the same order.

  Raises:
    InputError: as for `read_run`, or an image has other labels in one run than
      in another, for example because the classes are in another order.
  """
  if not paths:
    raise InputError('0 runs: a comparison needs at least one; name a run')
  runs = {name: read_run(name, paths[name], classes) for name in paths}
  truths: dict[str, tuple[str, tuple[int, ...]]] = {}
  for run in runs.values():
    for record in run.records:
      image, truth = record['image'], _truth(record)
      other, known = truths.setdefault(image, (run.name, truth))
      if truth != known:
        raise InputError(
          f'image {image}: its pixels of each class are {list(truth)} in run '
          f'{run.name}, but {list(known)} in run {other}: runs must have the '
          'same labels to be compared; evaluate both on the same data'
        )
  return runs


def read_run(name: str, path: PathLike, classes: ClassTable) -> Run:
  """Reads one run.

  Args:
    name: of the run.
    path: a folder written by `magnet-jax evaluate --out`, or its file of
      records only.
    classes: names and colours of the classes that it was scored with.

  Raises:
    InputError: it is missing, holds no record, was cut off or is damaged, or
      has other classes.
  """
  path = pathlib.Path(path)
  settings: dict[str, object] = {}
  order: tuple[str, ...] = ()
  chosen = ''
  if path.is_dir():
    settings = {**circumstances.read(path), **settings_of(path)}
    order, chosen = _shown(path / _SUMMARY)
    path = path / _RECORDS
  if not path.exists():
    raise InputError(
      f'{path}: no such file; give a folder written by magnet-jax evaluate '
      f'--out, or the {_RECORDS} in it'
    )
  found = record_files.read(path)
  lines = [line for line in path.read_bytes().split(b'\n') if line.strip()]
  if len(lines) > len(found):
    raise InputError(
      f'{path}: its last record is cut off: a run must be complete; repeat its '
      'magnet-jax evaluate command to complete it'
    )
  if not found:
    raise InputError(f'{path}: holds no record; evaluate at least one image')
  seen = set()
  for number, record in enumerate(found, start=1):
    _check(f'{path}: record {number}', record, classes)
    key = record['image'], record['method']
    if key in seen:
      raise InputError(
        f'{path}: record {number} is a second one of image {key[0]} and method '
        f'{key[1]}: there must be one of each; remove one'
      )
    seen.add(key)
  return Run(name, tuple(found), classes, settings, order, chosen)


def settings_of(folder: PathLike) -> dict[str, object]:
  """Returns the settings kept in a run's folder; empty if there are none.

  Raises:
    InputError: they are damaged.
  """
  path = pathlib.Path(folder) / _SETTINGS
  if not path.exists():
    return {}
  return records.read_object(path, 'copy it again or remove it')


def _shown(path: pathlib.Path) -> tuple[tuple[str, ...], str]:
  """Returns the order of the methods and the reference that a run chose."""
  if not path.exists():  # it was interrupted, or is from an older version
    return (), ''
  found = records.read_object(path, 'evaluate again, or remove it')
  rows = found.get('rows')
  names = [
    row['method']
    for row in (rows if isinstance(rows, list) else [])
    if isinstance(row, dict) and isinstance(row.get('method'), str)
  ]
  return tuple(names), str(found.get('reference', ''))


def _check(name: str, record: Record, classes: ClassTable) -> None:
  """Raises InputError unless the record is scored, by these classes."""
  matrix = _matrix(record.get('confusion'))
  if matrix is None:
    raise InputError(
      f'{name}: has no square confusion matrix of counts: a comparison needs '
      'scored images; give records that magnet-jax evaluate wrote'
    )
  record_files.check(name, record)
  if len(matrix) != len(classes):
    raise InputError(
      f'{name}: has {len(matrix)} classes, but the class table has the '
      f'{len(classes)} {", ".join(classes.names)}; choose the table that the '
      'run was scored with'
    )
  score = confusion.mean_iou(matrix, classes.unscored)
  stored = record.get('miou')
  stored = math.nan if stored is None else stored
  if not np.isclose(stored, score, rtol=0, atol=1e-6, equal_nan=True):
    raise InputError(
      f'{name}: has a mean IoU of {stored}, but {score:.6f} by its confusion '
      'matrix: the class table leaves other classes unscored; choose the table '
      'that the run was scored with'
    )


def _matrix(value: object) -> np.ndarray | None:
  """int64 [C,C] of a record's confusion matrix, None if it is not one."""
  matrix = record_files.counts(value)
  if matrix is None or matrix.shape[0] != matrix.shape[1]:
    return None
  return matrix


def _truth(record: Record) -> tuple[int, ...]:
  """The number of label pixels of each class."""
  rows: Sequence[Sequence[int]] = record['confusion']
  return tuple(sum(row) for row in rows)
