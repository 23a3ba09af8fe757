"""Writes files whole or not at all: under a temporary name, then renamed."""

from collections.abc import Iterator
import contextlib
import errno
import os
import pathlib
import shutil
import stat
import time

from magnet_jax.files import temporary_files
from magnet_jax.types import InputError

PathLike = str | os.PathLike[str]

_REMEDIES = {
  errno.ENOSPC: 'free some space or write to another disk',
  errno.EDQUOT: 'free some of your quota or write to another disk',
  errno.EFBIG: 'raise the limit on file sizes or write to another disk',
  errno.EACCES: 'choose a folder that you may write to',
  errno.EPERM: 'choose a folder that you may write to',
  errno.EROFS: 'choose a folder on a writable disk',
  errno.ENOENT: 'create the folder first',
  errno.ENOTDIR: 'choose a path whose folders are folders',
  errno.EISDIR: 'choose the name of a file, not of a folder',
  errno.ENAMETOOLONG: 'choose a shorter name',
}

# Folders that were made in blocks of `tidied`, and how many before each block.
_made: list[str] = []
_tidied: list[int] = []
# New files of each block of `withdrawn`.
_new: list[list[pathlib.Path]] = []


def write_error(path: PathLike, error: OSError) -> InputError:
  """Returns one line for a failed write: path, reason, remedy."""
  reason = error.strerror or str(error) or type(error).__name__
  remedy = _REMEDIES.get(error.errno or 0, 'choose another path')
  return InputError(f'{os.fspath(path)}: cannot be written, {reason}; {remedy}')


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[pathlib.Path]:
  """Yields a temporary name next to `path`; renames it when the block ends.

  For writers that need a path. The temporary name keeps the suffix, from which
  some writers derive the format. If the block raises, the temporary file is
  removed and a file that was at `path` is untouched.

  Args:
    path: the file to make or to replace.

  Yields:
    The path to write to, in the same folder.

  Raises:
    InputError: writing fails (no space, no permission, …).
  """
  path = pathlib.Path(path)
  temporary = path.with_name(temporary_files.name(path.stem, path.suffix))
  try:
    check_target(path)
    yield temporary
    if _new and not os.path.lexists(path):
      _new[-1].append(path)
    os.replace(temporary, path)
  except OSError as error:
    raise write_error(path, error) from error
  finally:
    # After the rename there is nothing left to remove.
    with contextlib.suppress(OSError):
      temporary.unlink()


@contextlib.contextmanager
def new_folder(path: PathLike) -> Iterator[pathlib.Path]:
  """Yields a temporary folder next to `path`; renames it when the block ends.

  If the block raises, the temporary folder and the parents made for it are
  removed.

  Args:
    path: the folder to make; its parents are made if missing.

  Yields:
    The folder to write into.

  Raises:
    InputError: `path` exists, or the system refuses to write.
  """
  path = pathlib.Path(path)
  if os.path.lexists(path):
    raise InputError(
      f'{path}: already exists: the result must be a new folder; choose '
      'another name or remove it first'
    )
  temporary = path.with_name(temporary_files.name(path.name))
  made = [parent for parent in path.parents if not os.path.lexists(parent)]
  try:
    prepare_folder(path.parent)
    temporary.mkdir()
    yield temporary
    os.rename(temporary, path)
  except OSError as error:
    raise write_error(path, error) from error
  except InputError as error:
    # The caller knows what failed inside under its final name.
    raise InputError(str(error).replace(str(temporary), str(path))) from error
  finally:
    _remove(temporary)
    if not path.exists():
      for parent in made:
        with contextlib.suppress(OSError):
          parent.rmdir()


@contextlib.contextmanager
def together(folder: PathLike) -> Iterator[pathlib.Path]:
  """Yields a temporary folder in `folder`; moves its files up at the end.

  If the block raises, existing files in `folder` are untouched.

  Args:
    folder: an existing folder; files of the same names are replaced.

  Raises:
    InputError: writing fails.
  """
  folder = pathlib.Path(folder)
  temporary = folder / temporary_files.name()
  try:
    temporary.mkdir()
    yield temporary
    for file in sorted(temporary.iterdir()):
      os.replace(file, folder / file.name)
  except OSError as error:
    raise write_error(folder, error) from error
  except InputError as error:
    # The caller knows what failed inside under its final name.
    raise InputError(str(error).replace(str(temporary), str(folder))) from error
  finally:
    _remove(temporary)


def _remove(folder: pathlib.Path) -> None:
  """Removes a folder into which failing threads may still write."""
  for _ in range(100):
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
      return
    time.sleep(0.02)


def check_target(path: PathLike) -> None:
  """Raises InputError unless a file may be put, or replaced, under this name.

  A device or a pipe must not be replaced: the system would lose it.
  """
  try:
    mode = os.stat(path).st_mode
  except OSError:  # not there, or it cannot be written to, which says more
    return
  if stat.S_ISDIR(mode):
    failed = OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise write_error(path, failed)
  if not stat.S_ISREG(mode):
    raise InputError(
      f'{os.fspath(path)}: is a device or a pipe, and would be replaced by a '
      'file; choose the name of a file'
    )


def write_bytes(path: PathLike, data: bytes | memoryview) -> None:
  """Writes a file completely or not at all.

  Args:
    path: the file to make or to replace.
    data: its new content.

  Raises:
    InputError: writing fails (no space, no permission, …).
  """
  with replacing(path) as temporary:
    temporary.write_bytes(data)


def prepare_folder(path: PathLike) -> pathlib.Path:
  """Makes a folder for output and proves that files can be written there.

  To be called before the work whose result goes there. Writes and removes a
  small file, as permission bits say nothing about root or full disks. Removes
  temporary files of processes that were killed.

  Args:
    path: the folder; it and its parents are made if missing.

  Returns:
    The folder.

  Raises:
    InputError: it cannot be made or written to.
  """
  folder = pathlib.Path(path)
  missing = [p for p in (folder, *folder.parents) if not os.path.lexists(p)]
  try:
    folder.mkdir(parents=True, exist_ok=True)
    if _tidied:
      _made.extend(os.path.abspath(each) for each in reversed(missing))
    temporary_files.remove_left(folder)
    probe = folder / temporary_files.name('probe')
    try:
      # A whole block, as even a full disk takes an empty file.
      probe.write_bytes(bytes(4096))
    finally:
      with contextlib.suppress(OSError):
        probe.unlink()
  except FileExistsError as error:
    raise InputError(
      f'{folder}: is a file where a folder is needed; choose another folder'
    ) from error
  except OSError as error:
    raise write_error(folder, error) from error
  return folder


@contextlib.contextmanager
def tidied() -> Iterator[None]:
  """Removes folders that a block has prepared and left empty, at its end.

  So a command that is refused leaves none behind, wherever it was refused.
  """
  first = len(_made)
  _tidied.append(first)
  try:
    yield
  finally:
    _tidied.pop()
    for folder in reversed(_made[first:]):
      with contextlib.suppress(OSError):
        os.rmdir(folder)
    del _made[first:]


@contextlib.contextmanager
def withdrawn() -> Iterator[None]:
  """Removes new files that `replacing` made in a block which is refused."""
  _new.append([])
  try:
    yield
  except InputError:
    for path in _new[-1]:
      with contextlib.suppress(OSError):
        path.unlink()
    raise
  finally:
    _new.pop()


@contextlib.contextmanager
def made_for(path: PathLike) -> Iterator[pathlib.Path]:
  """Prepares a folder for a block, as `prepare_folder` and `tidied` do.

  Args:
    path: the folder; it and its parents are made if missing.

  Raises:
    InputError: it cannot be made or written to.
  """
  with tidied():
    yield prepare_folder(path)


def check_utf8(folder: PathLike) -> None:
  """Raises InputError unless TensorStore can have files in a folder.

  Names of Unix are any bytes, its are text.
  """
  try:
    os.path.realpath(folder).encode()
  except UnicodeEncodeError as error:
    raise InputError(
      f'{os.fspath(folder)}: is no name in UTF-8, which maps and checkpoints '
      'need; rename the file or folder, or choose another'
    ) from error


def check_space(folder: PathLike, size: int) -> None:
  """Raises InputError if `size` bytes do not fit on the disk of a folder."""
  free = shutil.disk_usage(folder).free
  if size > free:
    raise InputError(
      f'{os.fspath(folder)}: cannot be written, {size / 1e6:.0f} MB are needed '
      f'and {free / 1e6:.0f} MB free; free some space or write to another disk'
    )
