"""The folder of a run that may be killed, and its journal of finished work.

One run at a time: the lock is the kernel's, which releases it when a process
dies. What is in the journal is done; all else is done again, with the same
result, as it is the same work on the same input.
"""

from collections.abc import Iterator, Mapping
import contextlib
import dataclasses
import errno
import os
import pathlib
import shutil
from typing import Any

from magnet_jax.files import atomic, records, temporary_files
from magnet_jax.types import InputError

_SETTINGS = 'settings.json'
_LOCK = 'lock'
_SHOWN = 3  # differing settings in a message


@dataclasses.dataclass
class Journal:
  """The finished work of a run.

  Attributes:
    folder: where its files are.
    resumed: whether it was begun by an earlier run.
  """

  folder: pathlib.Path
  resumed: bool
  _writer: records.Writer
  _notes: dict[str, Any] = dataclasses.field(default_factory=dict)

  def done(self, what: str) -> Any:
    """Returns the latest note of this name, or None."""
    return self._notes.get(what)

  def note(self, what: str, value: Any = True) -> None:
    """Notes that something is done; the latest note of a name counts."""
    self._writer.append({what: value})
    self._notes[what] = value

  def close(self) -> None:
    """Closes the journal's file."""
    self._writer.close()

  def remove(self) -> None:
    """Removes the folder at the end of the run."""
    self.close()
    # Renamed first: if the run is killed here, nothing resumes from what is
    # left, and the next run in the folder above removes it.
    gone = self.folder.with_name(temporary_files.name(self.folder.name))
    try:
      os.rename(self.folder, gone)
    except OSError as error:
      raise atomic.write_error(self.folder, error) from error
    shutil.rmtree(gone, ignore_errors=True)


@contextlib.contextmanager
def opened(
  folder: pathlib.Path, settings: Mapping[str, Any], member: int = 0
) -> Iterator[Journal]:
  """Begins a run in a folder, or resumes the one that is there.

  Args:
    folder: made if missing.
    settings: everything that the result depends on; plain values by name.
    member: index of this process among those that share the folder.

  Yields:
    The journal, while the folder is locked.

  Raises:
    InputError: another process is running there, the run there has other
      settings, what is there is no run, or writing fails.
  """
  _check_ours(folder)
  end = str(member or '')
  with _locked(folder, f'{_LOCK}{end}'):
    file = folder / _SETTINGS
    wanted = records.to_json(settings)
    resumed = file.exists()
    if resumed:
      _compare(folder, _read_settings(file), wanted)
    else:
      records.write_json(file, wanted)
    # One per process, as appends to a common file could interleave.
    path = folder / f'journal{end}.jsonl'
    with records.Writer(path) as writer:
      journal = Journal(folder, resumed, writer)
      # Read after the writer has removed a line that was cut off.
      for record in records.read(path):
        journal._notes.update(record)
      yield journal


def _check_ours(folder: pathlib.Path) -> None:
  """Raises InputError if a folder holds anything but a run, which may be empty.

  A run writes its settings before all else but locks.
  """
  try:
    names = os.listdir(folder)
  except (FileNotFoundError, NotADirectoryError):
    return  # will be made, or cannot be, which says more
  except OSError as error:
    raise atomic.write_error(folder, error) from error
  if folder.is_symlink():
    raise InputError(
      f'{folder}: is a link, which the folder of an unfinished run never is; '
      'remove it, or choose another --out'
    )
  others = [name for name in sorted(names) if not _is_first(name)]
  if _SETTINGS not in names and others:
    shown = ', '.join(others[:_SHOWN]) + (', …' if others[_SHOWN:] else '')
    raise InputError(
      f'{folder}: holds {shown}, but no {_SETTINGS}: it is not an unfinished '
      'run, whose folder has this name; move it away, or choose another --out'
    )


def _is_first(name: str) -> bool:
  """Whether a file may be there before the settings."""
  number = name.removeprefix(_LOCK)
  lock = number != name and (not number or number.isdecimal())
  return lock or temporary_files.is_temporary(name)


@contextlib.contextmanager
def _locked(folder: pathlib.Path, name: str) -> Iterator[None]:
  """Makes the folder and holds a lock in it."""
  file = folder / name
  while True:
    try:
      folder.mkdir(parents=True, exist_ok=True)
      descriptor = os.open(file, os.O_RDWR | os.O_CREAT)
    except FileNotFoundError:
      continue  # the run that had the folder is just removing it
    except OSError as error:
      raise atomic.write_error(folder, error) from error
    try:
      _lock(folder, descriptor)
      if _same_file(file, descriptor):
        # Else the file was removed and remade before it was locked: try again.
        yield
        return
    finally:
      os.close(descriptor)


def _lock(folder: pathlib.Path, descriptor: int) -> None:
  try:
    import fcntl
  except ImportError:  # not on Windows
    return
  try:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except OSError as error:
    if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
      return  # a file system without locks
    raise InputError(
      f'{folder}: another run is using it; wait until it ends, or choose '
      'another --out'
    ) from error


def _same_file(path: pathlib.Path, descriptor: int) -> bool:
  """Whether a path still leads to an open file, which may be removed."""
  try:
    return os.path.samestat(os.stat(path), os.fstat(descriptor))
  except FileNotFoundError:
    return False


def _read_settings(file: pathlib.Path) -> dict[str, Any]:
  return records.read_object(file, f'remove {file.parent} to start again')


def _compare(
  folder: pathlib.Path, before: Mapping[str, Any], now: Mapping[str, Any]
) -> None:
  """Raises InputError that names the settings that differ."""
  different = [
    _difference(name, before.get(name), now.get(name))
    for name in sorted(before.keys() | now.keys())
    if before.get(name) != now.get(name)
  ]
  if not different:
    return
  shown = ', '.join(different[:_SHOWN])
  if len(different) > _SHOWN:
    shown += f' and {len(different) - _SHOWN} more'
  raise InputError(
    f'{folder}: holds an unfinished run that differs in {shown}: it resumes '
    'only with the same image, weights and settings; use these again, or '
    f'remove {folder} to start again'
  )


def _difference(name: str, before: Any, now: Any) -> str:
  short = all(len(str(value)) <= 24 for value in (before, now))
  return f'{name} ({before} then, {now} now)' if short else name
