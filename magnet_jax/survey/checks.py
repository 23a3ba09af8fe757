"""What may be wrong with labels, classes and splits."""

from collections.abc import Iterator, Sequence
import pathlib

import numpy as np

from magnet_jax.survey.alike import Match
from magnet_jax.survey.coding import Coding
from magnet_jax.survey.dividing import SPLITS
from magnet_jax.survey.findings import Finding, about, names
from magnet_jax.survey.probe import Look
from magnet_jax.types import ClassTable, InputError

_ALIKE = {'copy': 'near-duplicates', 'overlap': 'images that overlap'}


def labels(
  looks: Sequence[Look], coded: Coding, base: pathlib.Path
) -> tuple[list[Look], np.ndarray, list[Finding]]:
  """Drops labels that hold unknown classes.

  Returns:
    The rest; int64 [pairs,C+1] of pixels; findings.
  """
  kept, rows, bad, single = [], [], [], []
  shown = (*coded.table.names, 'ignored')
  for each in looks:
    (name,) = names(base, [each.pair.label])
    try:
      row = coded.tally(each.counts)
    except InputError as error:
      bad.append(f'{name} {error}')
      continue
    kept.append(each)
    rows.append(row)
    if np.count_nonzero(row) == 1:
      single.append(f'{name} ({shown[int(row.argmax())]})')
  findings = [
    *about(
      bad,
      'label',
      'no class',
      'with pixels of no class, left out',
      'add the values to the classes (--classes) or correct the labels',
      level='error',
    ),
    *about(
      single,
      'label',
      'one value',
      'with a single value',
      'check that they are finished',
      level='warning',
    ),
  ]
  return kept, np.array(rows, np.int64).reshape(-1, len(shown)), findings


def matches(
  looks: Sequence[Look],
  splits: Sequence[str],
  found: Sequence[Match],
  base: pathlib.Path,
) -> Iterator[Finding]:
  """Reports images that show the same, in different splits and in one."""
  for kind, noun in _ALIKE.items():
    across: list[str] = []
    within: list[str] = []
    for match in (each for each in found if each.kind == kind):
      here, there = splits[match.first], splits[match.second]
      one, other = names(
        base, (looks[i].pair.image for i in (match.first, match.second))
      )
      points = f' ({match.points} points)' if match.points else ''
      line = f'{one} ({here}) = {other} ({there}){points}'
      (within if here == there else across).append(line)
    yield from about(
      across,
      'pair',
      f'{noun} across splits',
      f'of {noun} in different splits: scores will be too good',
      'move one image of each pair into the split of the other',
      level='warning',
    )
    yield from about(
      within,
      'pair',
      noun,
      f'of {noun} in one split; they are worth less than as many images',
      level='note',
    )


def classes(
  table: ClassTable, splits: Sequence[str], pixels: np.ndarray
) -> Iterator[Finding]:
  """Reports classes that occur nowhere, or not in a split."""
  there = {
    split: pixels[[s == split for s in splits]][:, : len(table)].sum(0) > 0
    for split in SPLITS
    if split in splits
  }
  anywhere = pixels[:, : len(table)].sum(0) > 0
  absent = [table.names[i] for i in np.flatnonzero(~anywhere)]
  if absent:
    yield Finding(
      'warning',
      'class never occurs',
      f'{", ".join(absent)}: in no label; the mean leaves out its IoU',
      'add images that show it, or remove it from classes.json',
    )
  for split, seen in there.items():
    missing = [table.names[i] for i in np.flatnonzero(anywhere & ~seen)]
    if missing:
      where = ''
      effect = 'is not measured there'
      if split == 'train':
        held = anywhere & ~seen
        others = [each for each in there if (there[each] & held).any()]
        where = f' but in {" and ".join(others)}'
        effect = 'cannot be learnt and counts as an error'
      yield Finding(
        'warning',
        f'class not in {split}',
        f'{", ".join(missing)}: not in {split}{where}, so it {effect}',
        f'move an image that shows it to {split}.txt',
      )
  yield from _sizes(splits)


def _sizes(splits: Sequence[str]) -> Iterator[Finding]:
  """Reports splits with too few images to measure on."""
  if splits.count('val') == 1:
    yield Finding(
      'warning',
      'small split',
      'val has one image: the best step and the settings that are chosen on '
      'it are a guess',
      'move some images to val.txt, four or more',
    )
  if 'test' not in splits:
    yield Finding(
      'warning',
      'empty split',
      'test has no image: scores can only be measured on val, which also '
      'chooses the best step',
      'add images to test.txt',
    )
