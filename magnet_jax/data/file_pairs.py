"""Pairs of an image and its label: read from lists or found in folders."""

from collections.abc import Sequence
import dataclasses
import pathlib

from magnet_jax.data import file_names
from magnet_jax.files import text
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError

SUFFIXES = ('.jpg', '.jpeg', '.png', '.tif', '.tiff')


@dataclasses.dataclass(frozen=True)
class Pair:
  """The files of one sample; `label` is None where there is none."""

  image: pathlib.Path
  label: pathlib.Path | None = None


def read_lines(path: pathlib.Path) -> list[str]:
  """Returns the lines of a list.

  Raises:
    InputError: it cannot be read, or is not UTF-8 text.
  """
  return text.read_lines(
    path, 'give a text file (UTF-8) of image<TAB>label lines'
  )


def read_list(path: PathLike) -> tuple[Pair, ...]:
  """Reads a list of `image<TAB>label` lines, relative to the list's folder.

  Skips empty lines and lines that start with #; a line with a single path is
  an image without a label.

  Args:
    path: the list, a text file.

  Raises:
    InputError: it cannot be read, is empty, or has a malformed line.
  """
  path = pathlib.Path(path)
  pairs = []
  for number, line in enumerate(read_lines(path), start=1):
    if not line.strip() or line.startswith('#'):
      continue
    names = [name.strip() for name in line.split('\t')]
    if len(names) > 2 or not all(names):
      raise InputError(
        f'{path}: line {number} is {line[:80]!r}: must be image<TAB>label; '
        'correct the line'
      )
    pairs.append(Pair(*(path.parent / name for name in names)))
  if not pairs:
    raise InputError(f'{path}: names no image; add image<TAB>label lines')
  return tuple(pairs)


def _by_stem(folder: pathlib.Path) -> dict[str, pathlib.Path]:
  if not folder.is_dir():
    raise InputError(f'{folder}: no such folder; check the path')
  found: dict[str, pathlib.Path] = {}
  for file in sorted(folder.iterdir()):
    if file.suffix.lower() not in SUFFIXES or file.name.startswith('.'):
      continue
    if file.stem in found:
      raise InputError(
        f'{file}: has the same name as {found[file.stem].name}; files are '
        'paired by name without suffix, rename one'
      )
    found[file.stem] = file
  return found


def of_folders(
  image_folder: PathLike, label_folder: PathLike | None
) -> tuple[Pair, ...]:
  """Pairs the images and labels of two folders by name without suffix.

  Args:
    image_folder: holds JPEG, PNG or TIFF files; others are ignored.
    label_folder: holds a label of the same name for each; None: no labels.

  Raises:
    InputError: a folder or a partner is missing, or there are no images.
  """
  files = _by_stem(pathlib.Path(image_folder))
  if not files:
    raise InputError(
      f'{image_folder}: holds no {", ".join(SUFFIXES)} file; add images'
    )
  if label_folder is None:
    return tuple(Pair(file) for file in files.values())
  labels = _by_stem(pathlib.Path(label_folder))
  lonely = sorted(files.keys() ^ labels.keys())
  if lonely:
    file = files.get(lonely[0]) or labels[lonely[0]]
    raise InputError(
      f'{file}: has no partner of the same name in '
      f'{label_folder if lonely[0] in files else image_folder} '
      f'({len(lonely)} in total); add or remove files'
    )
  return tuple(Pair(file, labels[stem]) for stem, file in files.items())


def find(path: PathLike) -> tuple[Pair, ...]:
  """Returns the pairs of a list, or of a folder with images/ and labels.

  Raises:
    InputError: as `read_list` and `of_folders`, or if no folder or more than
      one beside images/ holds labels.
  """
  folder = pathlib.Path(path)
  if not folder.is_dir():
    return read_list(folder)
  _by_stem(folder / 'images')  # so that a fault there is reported first
  found = _label_folders(folder)
  if len(found) != 1:
    several = ' and '.join(f'{each.name}/' for each in found)
    raise InputError(
      f'{folder}: has {several or "no labels"} beside images/: must be one '
      'folder of labels, such as masks/, or a list of image<TAB>label lines'
    )
  return of_folders(folder / 'images', found[0])


def _label_folders(folder: pathlib.Path) -> Sequence[pathlib.Path]:
  return [
    each
    for each in sorted(folder.iterdir())
    if each.is_dir() and file_names.of_labels(each.name) and _by_stem(each)
  ]
