"""Examines a folder of images and masks, and decides how to train on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
import dataclasses
import pathlib

import numpy as np

from magnet_jax.data import file_names
from magnet_jax.data import reading as readings
from magnet_jax.survey import (
  alike,
  annotation_files,
  checks,
  coding,
  dividing,
  drawn_labels,
  image_checks,
  layout,
  lists,
  naming,
  probe,
  split_tones,
)
from magnet_jax.survey.drawn_labels import Drawn
from magnet_jax.survey.findings import Finding, about, count
from magnet_jax.survey.layout import Pair
from magnet_jax.survey.probe import Look
from magnet_jax.types import ClassTable, InputError

Progress = Callable[[str, int], None]  # current activity, number of pairs


@dataclasses.dataclass(frozen=True)
class Survey:
  """What was found, and what is proposed.

  Attributes:
    folder: of the data.
    looks: at the pairs that can be used, in order.
    splits: of each pair: 'train', 'val', 'test'.
    table: the classes.
    pixels: int64 [pairs,C+1], of each class and, last, of none.
    reading: settings of `data` that differ from the defaults.
    findings: in the order in which they were made.
  """

  folder: pathlib.Path
  looks: list[Look]
  splits: list[str]
  table: ClassTable
  pixels: np.ndarray
  reading: Mapping[str, object]
  findings: list[Finding]

  def of_split(self, split: str) -> list[int]:
    """Returns the indices of the pairs of a split."""
    return [i for i, each in enumerate(self.splits) if each == split]


def survey(
  folder: pathlib.Path,
  out: pathlib.Path,
  *,
  classes: str = '',
  labels: pathlib.Path | None = None,
  seed: int = 0,
  force: bool = False,
  progress: Progress = lambda name, of: None,
) -> Survey:
  """Examines all files; writes nothing but labels drawn from annotations.

  Args:
    folder: of images and labels, or a list of `image<TAB>label` lines.
    out: folder for results, which is not examined.
    classes: a file of names, or a known class table; '' looks for one.
    labels: the folder of the labels, where several could be it, or the file of
      annotations.
    seed: for drawing splits.
    force: replace drawn labels that differ from what is there.
    progress: progress callback, called after each pair.

  Raises:
    InputError: nothing there can be used for training.
  """
  drawn = None
  of_file = labels and labels.suffix.lower() == annotation_files.SUFFIX
  if folder.is_dir() and (of_file or not labels):
    layout.check_apart(folder, out)
    drawn = drawn_labels.draw(
      folder,
      out,
      chosen=labels,
      force=force,
      progress=lambda of: progress('draw', of),
    )
  pairs, findings, base = _pairs(folder, out, labels, drawn)
  given = drawn.given if drawn and not classes else _given(base, classes)
  pairs, found = lists.without_odd_names(pairs, out, base)
  findings += found
  looks, found = _looks(pairs, base, progress)
  findings += found
  looks, reading, found = image_checks.check(looks, base)
  findings += found
  _need(looks, folder, findings)
  coded = coding.decide([look.counts for look in looks], given)
  looks, pixels, found = checks.labels(looks, coded, base)
  findings += coded.findings + found
  _need(looks, folder, findings)
  _need_classes(coded.table, pixels, folder)
  matches = alike.find(
    [look.traits for look in looks], lambda: progress('compare', len(looks))
  )
  splits, note = _splits(looks, pixels, matches, seed)
  findings += [
    note,
    *split_tones.findings(
      {
        split: [
          k.pair.image for k, s in zip(looks, splits, strict=True) if s == split
        ]
        for split in dividing.SPLITS
      },
      readings.from_settings(reading),
      base,
      lambda: progress('tones', len(looks)),
    ),
    *checks.matches(looks, splits, matches, base),
    *checks.classes(coded.table, splits, pixels),
  ]
  return Survey(base, looks, splits, coded.table, pixels, reading, findings)


def _pairs(
  folder: pathlib.Path,
  out: pathlib.Path,
  labels: pathlib.Path | None,
  drawn: Drawn | None,
) -> tuple[list[Pair], list[Finding], pathlib.Path]:
  if folder.is_file():
    base, listed = folder.parent, lists.of_file(folder)
    found = layout.Layout(listed.pairs, [])
    problem = 'names no image and label'
    remedy = 'add image<TAB>label lines to it'
  elif folder.is_dir():
    layout.check_apart(folder, out)
    base, files = folder, layout.files_in(folder, out)
    listed = lists.find(folder, files)
    given = [] if labels else listed.pairs
    if drawn:
      found = layout.Layout(drawn.pairs, drawn.findings)
    else:
      found = layout.find(folder, files, given, labels, listed.splits)
    problem = 'no image has a label'
    remedy = 'put images and labels of the same names into images/ and labels/'
  else:
    raise InputError(f'{folder}: no such folder or list; check the path')
  findings = listed.findings + found.findings
  if not found.pairs:
    why = _why(findings) or 'none was found'
    remedy = next(
      (f.remedy for f in findings if f.kind.startswith('two labels')), remedy
    )
    raise InputError(f'{folder}: {problem}: {why}; {remedy}')
  pairs = [
    dataclasses.replace(
      pair, split=listed.splits.get(file_names.stem(pair.image), pair.split)
    )
    for pair in found.pairs
  ]
  return pairs, findings, base


def _given(base: pathlib.Path, classes: str) -> naming.Given | None:
  """Reads the classes given by name or file, or found in the folder."""
  usual = [base / name for name in naming.USUAL]
  usual += sorted(base.glob(f'*/{naming.OF_SPLITS}'))
  there = (str(path) for path in usual if path.is_file())
  path = classes or next(there, '')
  return naming.read(path) if path else None


def _why(findings: Sequence[Finding]) -> str:
  """Returns the first errors, each with a file as an example."""
  errors = [
    f'{each.text}, such as {each.files[0]}' if each.files else each.text
    for each in findings
    if each.level == 'error' or each.kind == layout.OTHERS
  ]
  return ', '.join(errors[:3])


def _looks(
  pairs: Sequence[Pair], base: pathlib.Path, progress: Progress
) -> tuple[list[Look], list[Finding]]:
  looks, bad = [], []
  for pair in pairs:
    try:
      looks.append(probe.look(pair))
    except InputError as error:
      bad.append(str(error).replace(f'{base}/', ''))
    progress('look', len(pairs))
  return looks, about(
    bad,
    'pair',
    'unreadable',
    'with a file that cannot be read, left out',
    'copy or export these files again',
    level='error',
  )


def _need(
  looks: Sequence[Look], folder: pathlib.Path, findings: Sequence[Finding]
) -> None:
  if len(looks) < 2:
    raise InputError(
      f'{folder}: {count(len(looks), "pair")} of image and label can be used: '
      'need at least 2, one for training and one for measuring; '
      f'{_why(findings) or "add images and their labels"}'
    )


def _need_classes(
  table: ClassTable, pixels: np.ndarray, folder: pathlib.Path
) -> None:
  """Refuses labels that tell nothing apart, such as those of 255 alone."""
  there = [bool(each.any()) for each in pixels[:, :-1].T]
  if sum(there) < 2:
    held = [n for n, found in zip(table.names, there, strict=True) if found]
    raise InputError(
      f'{folder}: its labels hold {held[0] if held else "no class"} alone: '
      'must be of at least 2 classes; draw the labels, or name the classes by '
      '--classes'
    )


def _splits(
  looks: Sequence[Look],
  pixels: np.ndarray,
  matches: Sequence[alike.Match],
  seed: int,
) -> tuple[list[str], Finding]:
  """Keeps existing splits and draws the missing ones."""
  splits = [look.pair.split for look in looks]
  if 'train' in splits and 'val' in splits:
    text = _counts(splits)
    if '' in splits:
      text += f'; {splits.count("")} in none of them go to train'
    found = [split or 'train' for split in splits]
    return found, Finding('note', 'splits', f'splits as given: {text}')
  groups = alike.groups(len(looks), matches)
  held = sorted({'test', 'val'} & set(splits))
  free = [i for i, split in enumerate(splits) if split not in held]
  drawn = dividing.divide(
    [groups[i] for i in free],
    pixels[free, :-1],
    seed=seed,
    shares={k: v for k, v in dividing.SHARES.items() if k not in held},
  )
  for index, split in zip(free, drawn, strict=True):
    splits[index] = split
  if 'train' not in splits or 'val' not in splits:
    raise InputError(
      f'{looks[0].pair.image.parent}: {len(looks)} pairs that show the same '
      'ground or are all in one split: need some for training and others for '
      'measuring; add images, or remove the folder or list of the split'
    )
  text = f'{" and ".join(held)} kept, the others' if held else 'splits'
  text += f' drawn at random with seed {seed}: {_counts(splits)}'
  if len(set(groups)) < len(looks):
    text += '; images that show the same stay together'
  return splits, Finding(
    'note',
    'splits',
    text,
    'keep shots of one field, flight, street or patient in one split: name '
    'them in train.txt, val.txt and test.txt',
  )


def _counts(splits: Sequence[str]) -> str:
  counts = Counter(splits)
  return ', '.join(f'{split} {counts[split]}' for split in dividing.SPLITS)
