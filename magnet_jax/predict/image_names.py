"""The images that a person names: files, folders, patterns and lists."""

from collections.abc import Iterator, Sequence
import glob
import pathlib

from magnet_jax.data import file_pairs
from magnet_jax.rasters import slides
from magnet_jax.types import InputError

SUFFIXES = (*file_pairs.SUFFIXES, '.jp2', *slides.SUFFIXES)
_LIST = '.txt'
_PATTERN = ('*', '?', '[')


def find(names: Sequence[str]) -> list[pathlib.Path]:
  """Returns the files of images, in the order in which they are named.

  Args:
    names: files; folders, whose images are taken, not those of folders in them;
      patterns such as 'photos/*.jpg', for shells that leave them; and lists
      (.txt) of one image per line, or of image<TAB>label. What is named twice
      is taken once.

  Raises:
    InputError: a folder, pattern or list names none, or a name is none of a
      file: an address, or a path of GDAL.
  """
  return list(dict.fromkeys(path for name in names for path in _of(name)))


def _of(name: str) -> Iterator[pathlib.Path]:
  if '://' in name:
    raise InputError(
      f'{name}: is an address, and only files are opened; download it first'
    )
  if name.startswith('/vsi'):
    raise InputError(
      f'{name}: is a path of GDAL, and only files are opened; unpack or '
      'download it first'
    )
  path = pathlib.Path(name)
  if path.is_dir():
    yield from _images(path)
  elif path.suffix.lower() == _LIST:
    yield from (pair.image for pair in file_pairs.read_list(path))
  elif not path.exists() and any(sign in name for sign in _PATTERN):
    found = sorted(glob.glob(name, recursive=True))
    if not found:
      raise InputError(f'{name}: no file has such a name; check the pattern')
    yield from map(pathlib.Path, found)
  else:
    yield path  # whatever is wrong with it is told when it is its turn


def _images(folder: pathlib.Path) -> list[pathlib.Path]:
  try:
    files = sorted(folder.iterdir())
  except OSError as error:
    raise InputError(
      f'{folder}: cannot be read, {error.strerror}; change its permissions'
    ) from error
  found = [
    file
    for file in files
    if file.suffix.lower() in SUFFIXES and not file.name.startswith('.')
  ]
  if not found:
    raise InputError(
      f'{folder}: holds no {", ".join(SUFFIXES)} file; name another folder, or '
      'the files themselves'
    )
  return found
