"""Lists that a folder already holds: of pairs, or of the names in a split."""

from collections.abc import Collection, Iterator, Sequence
import csv
import dataclasses
import os
import pathlib
import re

from magnet_jax.data import file_names, file_pairs, splits
from magnet_jax.survey.findings import Finding, about, names
from magnet_jax.survey.layout import Pair

_SUFFIXES = ('.txt', '.csv', '.lst', '.tsv')


@dataclasses.dataclass
class Lists:
  """What the lists say.

  Attributes:
    pairs: that they name.
    splits: by the stem of an image, from lists of single names.
    findings: lines that name no file, lists that name none.
    several: images that lists of different splits name.
  """

  pairs: list[Pair] = dataclasses.field(default_factory=list)
  splits: dict[str, str] = dataclasses.field(default_factory=dict)
  findings: list[Finding] = dataclasses.field(default_factory=list)
  several: set[str] = dataclasses.field(default_factory=set)


def find(folder: pathlib.Path, files: Sequence[pathlib.Path]) -> Lists:
  """Reads all files that are named after a split: train.txt, val_list.csv.

  Raises:
    InputError: one of them is not a text file.
  """
  found = Lists()
  known = {
    file_names.stem(f) for f in files if f.suffix.lower() in file_pairs.SUFFIXES
  }
  for file in files:
    split = file_names.split_of(file.stem)
    if split and file.suffix.lower() in _SUFFIXES:
      _read(file, split, folder, found, known)
  _settle(folder, found)
  return found


def of_file(path: pathlib.Path) -> Lists:
  """Reads one list of pairs, whatever its name.

  Raises:
    InputError: it is not a text file.
  """
  found = Lists()
  _read(path, '', path.parent, found)
  _settle(path.parent, found)
  return found


def _read(
  path: pathlib.Path,
  split: str,
  folder: pathlib.Path,
  into: Lists,
  known: Collection[str] = (),
) -> None:
  """Adds what one list says.

  Args:
    path: a file of `image label` lines, separated by a tab, a comma or
      blanks, possibly with cells that are not files, or of one name per line;
      paths are relative to the list's folder or to `folder`.
    split: of the list; '' for none.
    folder: of the data.
    into: what is extended.
    known: stems of the images, which lines of one name may have.
  """
  lost: list[str] = []
  understood = 0
  for text in file_pairs.read_lines(path):
    if not text.strip() or text.startswith('#'):
      continue
    stem = file_names.stem(pathlib.PurePath(text.strip().strip('"')))
    pair = _pair(text, path.parent, folder)
    if pair:
      into.pairs.append(Pair(*pair, split))
    elif stem in known:
      before = into.splits.setdefault(stem, split)
      if before != split:
        into.several.add(stem)
        into.splits[stem] = _stricter(before, split)
    elif understood or lost or set(text) & {'/', '\\'}:  # else a header
      lost.append(text.strip()[:80])
      continue
    understood += 1
  into.findings += about(
    lost,
    'line',
    'list names no file',
    f'of {path.name} with paths that do not exist',
    'correct the lines, whose paths are relative to the list',
    level='error',
  )
  if not understood and not lost:
    into.findings.append(
      Finding(
        'warning',
        'empty split',
        f'the list {path.name} names no image',
        'add image<TAB>label lines, or remove it',
        names(folder, [path]),
      )
    )


def _stricter(one: str, other: str) -> str:
  """Returns that of two splits which must not be used for training."""
  return min(one, other, key=splits.SPLITS.index)


def _settle(folder: pathlib.Path, into: Lists) -> None:
  """Keeps one pair for each image, in one split; reports what is left out."""
  pairs: dict[pathlib.Path, Pair] = {}
  doubted: dict[pathlib.Path, None] = {}
  moved = dict.fromkeys(sorted(into.several))
  for pair in into.pairs:
    before = pairs.setdefault(pair.image, pair)
    if before.label != pair.label:
      doubted[pair.image] = None
    elif before.split != pair.split:
      moved |= dict.fromkeys(names(folder, [pair.image]))
      split = _stricter(before.split, pair.split)
      pairs[pair.image] = dataclasses.replace(pair, split=split)
  into.pairs[:] = [p for image, p in pairs.items() if image not in doubted]
  into.findings += about(
    names(folder, doubted),
    'image',
    'two labels for one image',
    'with several labels each in the lists, left out: which one is right is '
    'unknown',
    'correct the lists',
    level='error',
  )
  into.findings += about(
    tuple(moved),
    'image',
    'in two splits',
    'in the lists of two splits: test takes precedence over val, and val over '
    'train, so that nothing is measured on what was learnt',
    'name each image in only one list',
    level='warning',
  )


def line(pair: Pair, out: pathlib.Path) -> str:
  """Returns `image<TAB>label`, relative to the folder of a list."""
  return '\t'.join(
    # Unlike resolve(), realpath() accepts links to themselves.
    os.path.relpath(os.path.realpath(path), os.path.realpath(out))
    for path in (pair.image, pair.label)
  )


def without_odd_names(
  pairs: Sequence[Pair], out: pathlib.Path, base: pathlib.Path
) -> tuple[list[Pair], list[Finding]]:
  """Drops files whose names no list in `out` can hold."""
  odd = [pair for pair in pairs if _is_odd(line(pair, out))]
  return [pair for pair in pairs if pair not in odd], about(
    [ascii(name) for name in names(base, (pair.image for pair in odd))],
    'pair',
    'odd names',
    'whose names do not fit into a list, left out: they contain a tab, a line '
    'break or bytes that are not UTF-8, start with #, or start or end with a '
    'blank',
    'rename the files or their folder',
    level='error',
  )


def _is_odd(text: str) -> bool:
  cells = text.split('\t')
  return (
    any('\ud800' <= letter <= '\udfff' for letter in text)  # undecodable bytes
    or len(cells) != 2
    or len(text.splitlines()) != 1
    or text.startswith('#')
    or any(cell != cell.strip() for cell in cells)
  )


def _pair(
  text: str, here: pathlib.Path, folder: pathlib.Path
) -> tuple[pathlib.Path, pathlib.Path] | None:
  """Returns the two files of a line, however separated; None: not two files.

  Skips cells that are not files, such as the index that pandas writes.
  """
  for cells in (
    text.split('\t'),
    next(csv.reader([text]), []),
    re.split(r'\s+', text.strip()),
  ):
    files = [file for cell in cells for file in _existing(cell, here, folder)]
    if len(files) == 2:
      return files[0], files[1]
  return None


def _existing(cell: str, *folders: pathlib.Path) -> Iterator[pathlib.Path]:
  """Yields the first file of a name in some folders, if there is one."""
  name = cell.strip()
  for folder in folders if name else ():
    try:
      if (folder / name).is_file():
        yield folder / name
        return
    except OSError:  # longer than a name can be
      return
