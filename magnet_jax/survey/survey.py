"""Looks at a folder of images and masks, and decides how to train on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import pathlib

import numpy as np

from magnet_jax.data import file_names
from magnet_jax.data.splits import SPLITS
from magnet_jax.survey import (
  alike,
  checks,
  coding,
  dividing,
  layout,
  lists,
  naming,
  probe,
)
from magnet_jax.survey.findings import Finding, count
from magnet_jax.survey.layout import Pair
from magnet_jax.survey.probe import Look
from magnet_jax.types import ClassTable, InputError

Progress = Callable[[str, int], None]  # what is done, of how many


@dataclasses.dataclass(frozen=True)
class Survey:
  """What was found, and what is proposed.

  Attributes:
    folder: the data's.
    looks: of the pairs that can be used, in order.
    splits: of each pair: 'train', 'val', 'test'.
    table: the classes.
    pixels: int64 [pairs,C+1], of each class and of none.
    reading: settings of `data` that differ from the defaults.
    findings: errors first.
  """

  folder: pathlib.Path
  looks: list[Look]
  splits: list[str]
  table: ClassTable
  pixels: np.ndarray
  reading: Mapping[str, object]
  findings: list[Finding]

  def of_split(self, split: str) -> list[int]:
    """Indices of the pairs of a split."""
    return [i for i, each in enumerate(self.splits) if each == split]


def survey(
  folder: pathlib.Path,
  out: pathlib.Path,
  *,
  classes: str = '',
  seed: int = 0,
  progress: Progress = lambda name, of: None,
) -> Survey:
  """Looks at all files; writes nothing.

  Args:
    folder: of images and labels, or a list of `image<TAB>label` lines.
    out: which is not looked into.
    classes: a file of names, or a known class table; '' looks for one.
    seed: of splits that are drawn.
    progress: called with what is going on after each of so many pairs.

  Raises:
    InputError: nothing there can be trained on.
  """
  pairs, findings, base, given = _pairs(folder, out, classes)
  pairs, odd = lists.without_odd_names(pairs, out, base)
  findings += odd
  looks, bad = _looks(pairs, base, progress)
  findings += bad
  looks, reading, found = checks.images(looks, base)
  findings += found
  _need(looks, folder, findings)
  coded = coding.decide([look.counts for look in looks], given)
  findings += coded.findings
  looks, pixels, found = checks.labels(looks, coded, base)
  findings += found
  _need(looks, folder, findings)
  matches = alike.find(
    [look.traits for look in looks], lambda: progress('compare', len(looks))
  )
  splits, found = _splits(looks, pixels, matches, seed)
  findings += found
  findings += checks.matches(looks, splits, matches, base)
  findings += checks.classes(coded.table, splits, pixels)
  return Survey(base, looks, splits, coded.table, pixels, reading, findings)


def _pairs(
  folder: pathlib.Path, out: pathlib.Path, classes: str
) -> tuple[list[Pair], list[Finding], pathlib.Path, naming.Given | None]:
  if folder.is_file():
    base, listed = folder.parent, lists.of_file(folder)
    found = layout.Layout(listed.pairs, [])
  elif folder.is_dir():
    layout.check_apart(folder, out)
    base, files = folder, layout.files_in(folder, out)
    listed = lists.find(folder, files)
    found = layout.find(folder, files, listed.pairs)
  else:
    raise InputError(f'{folder}: no such folder or list; check the path')
  findings = listed.findings + found.findings
  pairs = [
    dataclasses.replace(
      pair, split=listed.splits.get(file_names.stem(pair.image), pair.split)
    )
    for pair in found.pairs
  ]
  if not pairs:
    named, remedy = (
      ('names no image and label', 'give image<TAB>label lines in it')
      if folder.is_file()
      else (
        'no image has a label',
        'put images and labels of the same names into images/ and labels/',
      )
    )
    raise InputError(
      f'{folder}: {named}: {_why(findings) or "none was found"}; {remedy}'
    )
  usual = [base / name for name in naming.USUAL if (base / name).is_file()]
  path = classes or (str(usual[0]) if usual else '')
  return pairs, findings, base, naming.read(path) if path else None


def _why(findings: Sequence[Finding]) -> str:
  """The first errors, each with a file as an example."""
  errors = [
    each
    for each in findings
    if each.level == 'error' or each.kind == layout.OTHERS
  ]
  return ', '.join(
    f'{each.text}, such as {each.files[0]}' if each.files else each.text
    for each in errors[:3]
  )


def _looks(
  pairs: Sequence[Pair], base: pathlib.Path, progress: Progress
) -> tuple[list[Look], list[Finding]]:
  looks, bad = [], []
  for pair in pairs:
    try:
      looks.append(probe.look(pair))
    except InputError as error:
      bad.append((pair, str(error).replace(f'{base}/', '')))
    progress('look', len(pairs))
  if not bad:
    return looks, []
  files = tuple(reason for _, reason in bad)
  return looks, [
    Finding(
      'error',
      'unreadable',
      f'{count(len(bad), "pair")} of which a file cannot be read, left out',
      'copy or export these files again',
      files,
    )
  ]


def _need(
  looks: Sequence[Look], folder: pathlib.Path, findings: Sequence[Finding]
) -> None:
  if len(looks) < 2:
    raise InputError(
      f'{folder}: {count(len(looks), "pair")} of image and label can be used: '
      'need at least 2, one to learn from and one to measure on; '
      f'{_why(findings) or "add images and their labels"}'
    )


def _splits(
  looks: Sequence[Look],
  pixels: np.ndarray,
  matches: Sequence[alike.Match],
  seed: int,
) -> tuple[list[str], list[Finding]]:
  """Splits that are there stay; what is missing is drawn."""
  splits = [look.pair.split for look in looks]
  counts = {split: splits.count(split) for split in reversed(SPLITS)}
  groups = alike.groups(len(looks), matches)
  labelled = pixels[:, :-1]
  if counts['train'] and counts['val']:
    text = ', '.join(f'{name} {number}' for name, number in counts.items())
    if '' in splits:
      text += f'; {splits.count("")} in none of them are taken for train'
    return [s or 'train' for s in splits], [
      Finding('note', 'splits', f'splits as they are: {text}')
    ]
  held = {'test', 'val'} & set(splits)
  free = [i for i, split in enumerate(splits) if split not in held]
  wanted = {k: v for k, v in dividing.SHARES.items() if k not in held}
  drawn = dividing.divide(
    [groups[i] for i in free], labelled[free], seed=seed, shares=wanted
  )
  for index, split in zip(free, drawn, strict=True):
    splits[index] = split
  counts = {split: splits.count(split) for split in reversed(SPLITS)}
  if not counts['train'] or not counts['val']:
    raise InputError(
      f'{looks[0].pair.image.parent}: {len(looks)} pairs that show the same '
      'ground or are all in one split: need some to learn from and others to '
      'measure on; add images, or remove the folder or list of the split'
    )
  together = len(set(groups)) < len(looks)
  return splits, [_drawn(counts, sorted(held), seed, together)]


def _drawn(
  counts: Mapping[str, int], held: Sequence[str], seed: int, together: bool
) -> Finding:
  text = ', '.join(f'{name} {number}' for name, number in counts.items())
  kept = f'{" and ".join(held)} kept, the others' if held else 'splits'
  return Finding(
    'note',
    'splits',
    f'{kept} drawn at random with seed {seed}: {text}'
    + ('; images that show the same stay together' if together else ''),
    'keep shots of one field, flight, street or patient in one split: name '
    'them in train.txt, val.txt and test.txt',
  )
