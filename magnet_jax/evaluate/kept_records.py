"""Keeps the records of a run as they come, by one process or several.

Several processes cannot append to one file: each has its own, and at the end
the first of them writes what a single process would have written.
"""

from collections.abc import Iterable, Mapping, Sequence
import os
import pathlib

from magnet_jax import parallel
from magnet_jax.evaluate import record as record_files
from magnet_jax.evaluate.record import Record
from magnet_jax.files import atomic, records
from magnet_jax.types import InputError

_SETTINGS = 'settings.json'
_WHOLE = 'records.jsonl'
_PARTS = 'records.*.jsonl'  # one per process, until the run is finished


class KeptRecords:
  """The records of one run, including those of its earlier starts.

  Attributes:
    found: all records known to this process.
  """

  def __init__(
    self,
    folder: pathlib.Path | None,
    settings: Mapping[str, object],
    methods: Sequence[str],
  ) -> None:
    """Reads earlier records; all processes must do it together.

    Args:
      folder: where they are kept; None keeps nothing.
      settings: of the run; a folder holds runs of one kind.
      methods: in the order of each image's records.

    Raises:
      InputError: the folder is not writable or belongs to another run.
    """
    self._folder = folder
    self._methods = tuple(methods)
    self._several = parallel.processes() > 1
    self._new: list[Record] = []
    self._settings = settings
    before = _read(folder, settings) if folder else []
    # Gathered, as processes may have separate disks.
    known = [r for part in parallel.gather(before) for r in part]
    parts = folder is not None and any(folder.glob(_PARTS))
    self.found = merged(known, methods) if self._several or parts else known
    if folder and parts and not self._several:
      self._write(folder)

  def methods_of(self, index: int) -> set[str]:
    """Returns the methods of which an image has a record already."""
    return {r['method'] for r in self.found if r['index'] == index}

  def add(self, record: Record) -> str:
    """Keeps a record; returns its image's name in it.

    An image with the name of another one is distinguished by its index.
    """
    if not self._several:
      others = [r for r in self.found if r['index'] != record['index']]
      if any(record['image'] == other['image'] for other in others):
        name = f'{record["image"]} ({record["index"]})'
        record = {**record, 'image': name}
    self.found.append(record)
    self._new.append(record)
    if self._folder:
      _keep_settings(self._folder, self._settings)
      name = _WHOLE
      if self._several:
        name = _PARTS.replace('*', str(parallel.process()))
      with records.Writer(self._folder / name) as writer:
        writer.append(record)
    return record['image']

  def finish(self) -> list[Record]:
    """Waits for all processes and returns the records of all."""
    if self._several:
      news = [r for part in parallel.gather(self._new) for r in part]
      self.found = merged([*self.found, *news], self._methods)
      if self._folder and parallel.is_main():
        self._write(self._folder)
      parallel.gather(None)  # parts stay until the whole is written
      if self._folder:
        _remove_parts(self._folder)
    return self.found

  def _write(self, folder: pathlib.Path) -> None:
    records.write(folder / _WHOLE, self.found)
    if not self._several:
      _remove_parts(folder)


def merged(found: Iterable[Record], methods: Sequence[str]) -> list[Record]:
  """Returns records as a single process would write them: once and in order.

  Args:
    found: of all processes, in any order; the first of equal ones is taken.
    methods: in the order of each image's records; others come after them.
  """
  once: dict[tuple[int, str], Record] = {}
  first: dict[int, str] = {}
  for record in found:
    once.setdefault((record['index'], record['method']), record)
    first.setdefault(record['index'], record['image'])
  names: dict[int, str] = {}
  taken: set[str] = set()
  for index in sorted(first):
    name = first[index]
    names[index] = f'{name} ({index})' if name in taken else name
    taken.add(names[index])
  place = {method: number for number, method in enumerate(methods)}
  ordered = sorted(
    once.values(),
    key=lambda r: (r['index'], place.get(r['method'], len(place))),
  )
  return [{**record, 'image': names[record['index']]} for record in ordered]


def _read(folder: pathlib.Path, settings: Mapping[str, object]) -> list[Record]:
  """Earlier records of the folder, after a check that it is of this run."""
  atomic.prepare_folder(folder)
  path = folder / _SETTINGS
  wanted = records.to_json(settings)
  before = wanted
  if os.path.lexists(path):
    before = records.read_object(path, 'choose another --out')
  for key in sorted(wanted.keys() | before.keys()):
    # Older runs did not keep their classes; a change shows in other settings.
    unknown = key == 'classes' and key not in before
    if wanted.get(key) != before.get(key) and not unknown:
      raise InputError(
        f'{folder}: holds a run with {key} {before.get(key)!r}, not '
        f'{wanted.get(key)!r}; choose another --out'
      )
  paths = [folder / _WHOLE, *sorted(folder.glob(_PARTS))]
  found = []
  for path in paths:
    for number, record in enumerate(
      record_files.read(path) if path.exists() else (), start=1
    ):
      name = f'{path}: record {number}'
      record_files.check(name, record)
      if record.get('index') is None:
        raise InputError(
          f'{name}: has no index: it must tell its image in the run; choose '
          'another --out'
        )
      found.append(record)
  return found


def _keep_settings(
  folder: pathlib.Path, settings: Mapping[str, object]
) -> None:
  """Writes the settings with the first record, as none are kept without."""
  path = folder / _SETTINGS
  if not path.exists():
    records.write_json(path, settings)


def _remove_parts(folder: pathlib.Path) -> None:
  for path in folder.glob(_PARTS):
    path.unlink(missing_ok=True)
