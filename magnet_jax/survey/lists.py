"""Lists that a folder holds already: of pairs, or of names in a split."""

from collections.abc import Sequence
import dataclasses
import pathlib
import re

from magnet_jax.survey import words
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
  """Reads all files that are named for a split: train.txt, val_list.csv."""
  found = Lists()
  for file in files:
    split = words.split_of(file.stem)
    if split and file.suffix.lower() in _SUFFIXES:
      read(file, split, folder, found)
  return found


def read(
  path: pathlib.Path, split: str, folder: pathlib.Path, into: Lists
) -> None:
  """Adds what one list says.

  Args:
    path: lines of `image label`, parted by a tab, a comma or blanks, or of one
      name each; paths are relative to the list's folder or to `folder`.
    split: that it is of; '' for none.
    folder: the data's.
    into: to which it is added.
  """
  lost: list[str] = []
  understood = 0
  for line in path.read_text(errors='replace').splitlines():
    if not line.strip() or line.startswith('#'):
      continue
    cells = _cells(line)
    places = [_resolve(cell, path.parent, folder) for cell in cells]
    if len(places) == 2 and places[0] and places[1]:
      into.pairs.append(Pair(places[0], places[1], split))
    elif len(cells) == 1:
      stem = pathlib.PurePath(cells[0]).stem.lower()
      into.splits[stem] = split
    elif understood or lost:  # the first line may be a head
      lost.append(line.strip()[:80])
      continue
    understood += 1
  if lost:
    into.findings.append(Finding(
      'error', 'list names no file',
      f'{path.name}: {count(len(lost), "line")} name files that are not there',
      'correct the lines', tuple(lost),
    ))  # fmt: skip
  if not understood and not lost:
    into.findings.append(Finding(
      'warning', 'empty split', f'the list {path.name} names no image',
      'add image<TAB>label lines, or remove it', names(folder, [path]),
    ))  # fmt: skip


def _cells(line: str) -> list[str]:
  for pattern in (r'\t', ',', r'\s+'):
    cells = [cell.strip() for cell in re.split(pattern, line.strip())]
    if len(cells) > 1:
      return cells
  return cells


def _resolve(
  name: str, here: pathlib.Path, folder: pathlib.Path
) -> pathlib.Path | None:
  for base in (here, folder):
    if (base / name).is_file():
      return base / name
  return None
