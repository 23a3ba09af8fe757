"""What XLA has compiled, kept on disk between runs of the commands.

JAX reads and writes the entries. Their folder is chosen here, for this kind of
processor alone, as code for another one would crash; only this user may write
to it, as what is in it is run; it is kept small; and of a killed run no torn
entry stays. Without a JAX import, so that it costs no time.
"""

import contextlib
import hashlib
import os
import pathlib
import stat
import time
import warnings
import zlib

VARIABLE = 'MAGNET_JAX_CACHE'  # the folder, or OFF
OFF = 'off'
_LARGEST = 2**29  # bytes of all entries
_JAX_FOLDER = 'JAX_COMPILATION_CACHE_DIR'
_JAX_LEAST = 'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'
_SECONDS = '0.3'  # what compiles faster is not kept
_UNREADABLE = 'Error (reading|writing) persistent compilation cache'
_ENTRIES = '*-cache'
_CHECKED = '.checked'  # suffix of a mark beside an entry that is whole
_ZSTD = b'\x28\xb5\x2f\xfd'


def use() -> None:
  """Lets JAX keep what it compiles, unless the environment says otherwise.

  To be called before JAX is imported. `MAGNET_JAX_CACHE` is the folder, or off;
  where JAX's own variable names a folder, this is used as it is. Nothing is
  raised: without a folder all is compiled again.
  """
  wanted = os.environ.get(VARIABLE, '')
  if wanted.lower() == OFF or _JAX_FOLDER in os.environ:
    return
  with contextlib.suppress(OSError, RuntimeError):
    folder = _own(pathlib.Path(wanted) if wanted else _default())
    _tidy(folder)
    os.environ[_JAX_FOLDER] = str(folder)
    os.environ.setdefault(_JAX_LEAST, _SECONDS)
    # What cannot be read after all is compiled again, which is no news.
    warnings.filterwarnings('ignore', _UNREADABLE)


def _default() -> pathlib.Path:
  """Returns the folder of the XDG base directories."""
  base = os.environ.get('XDG_CACHE_HOME', '')
  # As the specification has it, relative paths are ignored.
  root = pathlib.Path(base) if os.path.isabs(base) else _home() / '.cache'
  return root / 'magnet_jax'


def _home() -> pathlib.Path:
  return pathlib.Path.home()


def _own(root: pathlib.Path) -> pathlib.Path:
  """Makes the folder of this processor.

  Raises:
    OSError: it cannot be made, or others may write to it.
  """
  folder = root.absolute() / f'xla-{_processor()}'
  folder.mkdir(mode=0o700, parents=True, exist_ok=True)
  for each in (folder, folder.parent):
    state = each.stat()
    others = stat.S_IWGRP | stat.S_IWOTH
    if state.st_uid != os.getuid() or state.st_mode & others:
      raise PermissionError(f'{each}: others may write to it')
  return folder


def _processor() -> str:
  """Returns a name of what code for this processor may contain."""
  try:
    text = pathlib.Path('/proc/cpuinfo').read_text(errors='replace')
  except OSError:
    text = ''
  kinds = ('flags', 'Features', 'model name')
  lines = [line for line in text.splitlines() if line.startswith(kinds)]
  return hashlib.sha256('\n'.join(sorted({*lines})).encode()).hexdigest()[:12]


def _tidy(folder: pathlib.Path) -> None:
  """Removes torn entries, then those unused for longest if there are many."""
  kept = []
  for entry in folder.glob(_ENTRIES):
    # Other processes may be doing the same.
    with contextlib.suppress(OSError):
      state = entry.stat()
      if _checked(entry, state):
        kept.append((max(state.st_atime, state.st_mtime), state.st_size, entry))
      else:
        _remove(entry)
  total = sum(size for _, size, _ in kept)
  for _, size, entry in sorted(kept, key=lambda each: each[0]):
    if total <= _LARGEST:
      break
    _remove(entry)
    total -= size


def _checked(entry: pathlib.Path, state: os.stat_result) -> bool:
  """Whether an entry is whole; it is read once, and then has a mark."""
  mark = entry.with_name(entry.name + _CHECKED)
  known = f'{state.st_size} {state.st_mtime_ns}'
  with contextlib.suppress(OSError):
    if mark.read_text() == known:
      return True
  if time.time() - state.st_mtime < 1:  # perhaps still being written
    return True
  if not _whole(entry.read_bytes()):
    return False
  mark.write_text(known)
  return True


def _whole(packed: bytes) -> bool:
  """Whether an entry can be unpacked."""
  if packed.startswith(_ZSTD):
    # JAX's choice where zstandard is installed, or Python has it itself.
    try:
      import zstandard
    except ImportError:
      return True
    try:
      zstandard.ZstdDecompressor().decompress(packed)
    except zstandard.ZstdError:
      return False
    return True
  try:
    zlib.decompress(packed)
  except zlib.error:
    return False
  return True


def _remove(entry: pathlib.Path) -> None:
  for each in (entry, entry.with_name(entry.name + _CHECKED)):
    each.unlink(missing_ok=True)
