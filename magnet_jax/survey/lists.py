"""Lists that a folder holds already: of pairs, or of names in a split."""

from collections.abc import Collection, Sequence
import csv
import dataclasses
import os
import pathlib
import re

from magnet_jax.data import file_names, file_pairs, splits
from magnet_jax.survey.findings import Finding, count
from magnet_jax.survey.layout import Pair, names

_SUFFIXES = ('.txt', '.csv', '.lst', '.tsv')


@dataclasses.dataclass
class Lists:
  """What the lists say.

  Attributes:
    pairs: that they name.
    splits: split by the stem of an image, of lists of single names.
    findings: lines that name no file, lists that name none.
  """

  pairs: list[Pair] = dataclasses.field(default_factory=list)
  splits: dict[str, str] = dataclasses.field(default_factory=dict)
  findings: list[Finding] = dataclasses.field(default_factory=list)


def find(folder: pathlib.Path, files: Sequence[pathlib.Path]) -> Lists:
  """Reads all files that are named for a split: train.txt, val_list.csv.

  Raises:
    InputError: one of them is no text.
  """
  found = Lists()
  known = {
    file_names.stem(f) for f in files if f.suffix.lower() in file_pairs.SUFFIXES
  }
  several: set[str] = set()
  for file in files:
    split = file_names.split_of(file.stem)
    if split and file.suffix.lower() in _SUFFIXES:
      several |= read(file, split, folder, found, known)
  _settle(folder, found, several)
  return found


def of_file(path: pathlib.Path) -> Lists:
  """Reads one list of pairs, whatever its name.

  Raises:
    InputError: it is no text.
  """
  found = Lists()
  read(path, '', path.parent, found)
  _settle(path.parent, found, set())
  return found


def read(
  path: pathlib.Path,
  split: str,
  folder: pathlib.Path,
  into: Lists,
  known: Collection[str] = (),
) -> set[str]:
  """Adds what one list says.

  Args:
    path: lines of `image label`, parted by a tab, a comma or blanks, beside
      cells that are no files, or of one name each; paths are relative to the
      list's folder or to `folder`.
    split: that it is of; '' for none.
    folder: the data's.
    into: to which it is added.
    known: stems of the images, which lines of one name may have.

  Returns:
    Stems that a list of another split has named already.

  Raises:
    InputError: it is no text.
  """
  lost: list[str] = []
  several: set[str] = set()
  understood = 0
  for text in file_pairs.read_lines(path):
    if not text.strip() or text.startswith('#'):
      continue
    stem = file_names.stem(pathlib.PurePath(text.strip().strip('"')))
    pair = _pair(text, path.parent, folder)
    if pair:
      into.pairs.append(Pair(*pair, split))
    elif stem in known:
      several |= {stem} if into.splits.get(stem, split) != split else set()
      into.splits[stem] = _stricter(into.splits.get(stem, split), split)
    elif understood or lost or set(text) & {'/', '\\'}:  # else it is a head
      lost.append(text.strip()[:80])
      continue
    understood += 1
  if lost:
    into.findings.append(
      Finding(
        'error',
        'list names no file',
        f'{path.name}: {count(len(lost), "line")} of files that are not there',
        'correct the lines, whose paths are relative to the list',
        tuple(lost),
      )
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
  return several


def _stricter(one: str, other: str) -> str:
  """Of two splits the one that must not be trained on."""
  return min(one, other, key=splits.SPLITS.index)


def _settle(folder: pathlib.Path, into: Lists, several: set[str]) -> None:
  """One pair for each image, in one split; tells of what is left out."""
  pairs: dict[pathlib.Path, Pair] = {}
  doubted: dict[pathlib.Path, None] = {}
  moved = dict.fromkeys(sorted(several))
  for pair in into.pairs:
    before = pairs.setdefault(pair.image, pair)
    if before.label != pair.label:
      doubted[pair.image] = None
    elif before.split != pair.split:
      moved |= dict.fromkeys(names(folder, [pair.image]))
      split = _stricter(before.split, pair.split)
      pairs[pair.image] = dataclasses.replace(pair, split=split)
  into.pairs[:] = [p for image, p in pairs.items() if image not in doubted]
  if doubted:
    into.findings.append(
      Finding(
        'error',
        'two labels for one image',
        f'{count(len(doubted), "image")} with several labels each in the '
        'lists, left out: which is right cannot be told',
        'correct the lists',
        names(folder, doubted),
      )
    )
  if moved:
    into.findings.append(
      Finding(
        'warning',
        'in two splits',
        f'{count(len(moved), "image")} in the lists of two splits: test goes '
        'before val and val before train, so that nothing is measured on what '
        'was learnt',
        'name each image in one list',
        tuple(moved),
      )
    )


def line(pair: Pair, out: pathlib.Path) -> str:
  """`image<TAB>label`, relative to the folder of a list."""
  return '\t'.join(
    os.path.relpath(path.resolve(), out.resolve())
    for path in (pair.image, pair.label)
  )


def without_odd_names(
  pairs: Sequence[Pair], out: pathlib.Path, base: pathlib.Path
) -> tuple[list[Pair], list[Finding]]:
  """Leaves out files whose names no list in `out` can hold."""
  odd = [pair for pair in pairs if _is_odd(line(pair, out))]
  if not odd:
    return list(pairs), []
  shown = tuple(ascii(name) for name in names(base, [p.image for p in odd]))
  return [pair for pair in pairs if pair not in odd], [
    Finding(
      'error',
      'odd names',
      f'{count(len(odd), "pair")} whose names lists cannot hold, left out: '
      'with a tab, a line break or bytes that are no UTF-8, or with # or a '
      'blank at an end',
      'rename the files or their folder',
      shown,
    )
  ]


def _is_odd(text: str) -> bool:
  cells = text.split('\t')
  surrogates = any('\ud800' <= letter <= '\udfff' for letter in text)
  return (
    surrogates
    or len(cells) != 2
    or len(text.splitlines()) != 1
    or text.startswith('#')
    or any(cell != cell.strip() for cell in cells)
  )


def _pair(
  text: str, here: pathlib.Path, folder: pathlib.Path
) -> tuple[pathlib.Path, pathlib.Path] | None:
  """The two files of a line, however they are parted; None: it is no such.

  Cells that are no files are passed over, such as the index that pandas writes.
  """
  for cells in (
    text.split('\t'),
    next(csv.reader([text]), []),
    re.split(r'\s+', text.strip()),
  ):
    found = [_resolve(cell.strip(), here, folder) for cell in cells]
    files = [file for file in found if file]
    if len(files) == 2:
      return files[0], files[1]
  return None


def _resolve(
  name: str, here: pathlib.Path, folder: pathlib.Path
) -> pathlib.Path | None:
  for base in (here, folder):
    try:
      if name and (base / name).is_file():
        return base / name
    except OSError:  # longer than names can be: it is no list of files
      return None
  return None
