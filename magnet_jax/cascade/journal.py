"""The folder of a run that may be killed, and what it has finished so far.

Of one run at a time: the lock is the kernel's, which takes it back from a
process that dies. What is written to the journal is done; all else is done
again, and as it is the same work on the same input, with the same result.
"""

from collections.abc import Iterator, Mapping
import contextlib
import dataclasses
import errno
import os
import pathlib
import shutil
from typing import Any

from magnet_jax.files import atomic, records
from magnet_jax.types import InputError

_SETTINGS = 'settings.json'
_LOCK = 'lock'
_SHOWN = 3  # settings that differ, of many


@dataclasses.dataclass
class Journal:
  """What a run has finished.

  Attributes:
    folder: where its files are.
    resumed: whether an earlier run began it.
  """

  folder: pathlib.Path
  resumed: bool
  _writer: records.Writer
  _notes: dict[str, Any] = dataclasses.field(default_factory=dict)

  def done(self, what: str) -> Any:
    """What was noted of it last, or None."""
    return self._notes.get(what)

  def note(self, what: str, value: Any = True) -> None:
    """Writes down that something is done; later notes of it count."""
    self._writer.append({what: value})
    self._notes[what] = value

  def close(self) -> None:
    """Nothing more will be noted."""
    self._writer.close()

  def remove(self) -> None:
    """Removes the folder: the run is at its end."""
    self.close()
    # First, so that nothing goes on with what is left if this is the moment
    # of a kill.
    (self.folder / _SETTINGS).unlink(missing_ok=True)
    shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def opened(
  folder: pathlib.Path, settings: Mapping[str, Any], member: int = 0
) -> Iterator[Journal]:
  """Begins a run in a folder, or goes on with the one that is there.

  Args:
    folder: made if missing.
    settings: all that the result depends on; plain values by name.
    member: which of the processes that share the folder this is.

  Raises:
    InputError: another process is at work there, the run there has other
      settings, or the system refuses to write.
  """
  end = str(member or '')
  with _locked(folder, f'{_LOCK}{end}'):
    file = folder / _SETTINGS
    wanted = records.to_json(settings)
    resumed = file.exists()
    if resumed:
      _compare(folder, _read_settings(file), wanted)
    else:
      _clear(folder)
      records.write_json(file, wanted)
    path = folder / f'journal{end}.jsonl'
    with records.Writer(path) as writer:
      journal = Journal(folder, resumed, writer)
      for record in records.read(path):
        journal._notes.update(record)
      yield journal


def _clear(folder: pathlib.Path) -> None:
  """Removes what is left of a run that was killed while it removed itself."""
  for path in folder.iterdir():
    if path.is_dir():
      shutil.rmtree(path, ignore_errors=True)
    elif not path.name.startswith(_LOCK):
      path.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(folder: pathlib.Path, name: str) -> Iterator[None]:
  """Makes the folder and holds a lock in it."""
  file = folder / name
  while True:
    try:
      folder.mkdir(parents=True, exist_ok=True)
      descriptor = os.open(file, os.O_RDWR | os.O_CREAT)
    except FileNotFoundError:
      continue  # the run that had it is just removing it
    except OSError as error:
      raise atomic.write_error(folder, error) from error
    try:
      _lock(folder, descriptor)
      if _same_file(file, descriptor):
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
      return  # a disk that knows no locks
    raise InputError(
      f'{folder}: another run is at work there; wait for its end, or choose '
      'another --out'
    ) from error


def _same_file(path: pathlib.Path, descriptor: int) -> bool:
  """Whether a path still leads to an open file, which may be removed."""
  try:
    return os.path.samestat(os.stat(path), os.fstat(descriptor))
  except FileNotFoundError:
    return False


def _read_settings(file: pathlib.Path) -> dict[str, Any]:
  return records.read_object(file, f'remove {file.parent} to start anew')


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
    f'{folder}: holds an unfinished run that differs in {shown}: it goes on '
    'only with the same image, weights and settings; use these again, or '
    f'remove {folder} to start anew'
  )


def _difference(name: str, before: Any, now: Any) -> str:
  short = all(len(str(value)) <= 24 for value in (before, now))
  return f'{name} ({before} then, {now} now)' if short else name
