"""What may be wrong with pairs, classes and splits."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
import pathlib

import numpy as np

from magnet_jax.survey.alike import Match
from magnet_jax.survey.coding import Coding
from magnet_jax.survey.dividing import SPLITS
from magnet_jax.survey.findings import Finding, about, count
from magnet_jax.survey.layout import names
from magnet_jax.survey.probe import Look
from magnet_jax.types import ClassTable, InputError

_SMALL = 128
_DARK = 0.25  # share of their range that 16-bit images should use
_ALIKE = {'copy': 'near-duplicates', 'overlap': 'images that overlap'}


def images(
  looks: Sequence[Look], base: pathlib.Path
) -> tuple[list[Look], dict[str, object], list[Finding]]:
  """Drops images whose size differs from the label's; decides how to read.

  Returns:
    The rest; settings of `data` that differ from the defaults; findings.
  """

  def files(some: Iterable[Look]) -> tuple[str, ...]:
    return names(base, (k.pair.image for k in some))

  lying = [k for k in looks if k.fits(False) and not k.fits(True)]
  upright = [k for k in looks if k.fits(True) and k.orientation >= 5]
  turned = not lying or len(upright) >= len(lying)
  kept = [k for k in looks if k.fits(turned)]
  wrong = [k for k in looks if not k.fits(turned)]
  many = [k for k in kept if k.bands not in (1, 3)]
  # One choice for all images: the bands that every one of them has.
  three = all(k.bands >= 3 for k in kept)
  stretch = _stretch(kept)
  reading: dict[str, object] = {}
  if not turned:
    reading['turn'] = False
  if many:
    reading['bands'] = (1, 2, 3) if three else (1,)
  if stretch:
    reading['stretch'] = stretch
  findings = [
    *about(
      files(() if turned else lying),
      'label',
      'EXIF orientation',
      'drawn on the pixels as stored, ignoring the EXIF orientation: images '
      'are read without applying it (data.turn)',
      'nothing to do, or rotate images and labels together',
      level='warning',
    ),
    *about(
      files(k for k in wrong if k.fits(not turned)),
      'image',
      'EXIF orientation',
      'whose EXIF orientation does not match the label, left out: the label '
      'was drawn on the image in another orientation',
      'remove the tag (exiftool -Orientation= FILE) or rotate the label',
      level='error',
    ),
    *about(
      [
        f'{names(base, [k.pair.label])[0]} {_shape(k.label_size)} for '
        f'{_shape(k.size)}'
        for k in wrong
        if not k.fits(not turned)
      ],
      'label',
      'sizes differ',
      'whose size differs from that of the image, left out (width x height)',
      'correct the pairs, or resize the labels by nearest neighbour',
      level='error',
    ),
    *about(
      files(k for k in kept if k.orientation > 1),
      'image',
      'EXIF orientation',
      'with an EXIF orientation: the sizes match, but only a look can tell '
      'whether the label was drawn on the rotated image',
      'look at them in index.html',
      level='warning',
    ),
    *_bands(kept, many, files(many), three),
    *_values(kept, stretch),
    *about(
      files(k for k in kept if max(k.size) < _SMALL),
      'image',
      'small images',
      f'below {_SMALL} pixels a side: there is little detail to refine',
      'use images at their full size',
      level='warning',
    ),
  ]
  return kept, reading, findings


def _shape(size: tuple[int, int]) -> str:
  return f'{size[1]}x{size[0]}'


def _bands(
  looks: Sequence[Look], many: Sequence[Look], files: Sequence[str], three: bool
) -> Iterator[Finding]:
  kinds = Counter((k.bands, k.bits) for k in looks)
  if len(kinds) > 1:
    text = ', '.join(
      f'{number} with {count(bands, "band")} of {bits} bits'
      for (bands, bits), number in sorted(kinds.items())
    )
    yield Finding(
      'warning',
      'kinds of images',
      f'images of several kinds: {text}',
      'use images of one kind if they should look alike to the network',
    )
  yield from about(
    files,
    'image',
    'bands',
    f'with {max((k.bands for k in many), default=0)} bands: networks see '
    f'three. The first {"three are" if three else "is"} used'
    + (', for all images' if len(many) < len(looks) else ''),
    'to use others, set data.bands = (4, 3, 2), and segment --bands=4,3,2',
    level='note',
  )
  single = sum(k.bands == 1 for k in looks)
  if single:
    yield Finding(
      'note',
      'bands',
      f'{count(single, "image")} with one band: the network sees the grey '
      'values as red, green and blue',
    )


def _deep(looks: Sequence[Look]) -> list[Look]:
  return [k for k in looks if k.bits > 8 or not k.known]


def _stretch(looks: Sequence[Look]) -> str:
  """Returns the range of values that have none, or come nowhere near it.

  Returns:
    'LOW,HIGH', or '' where none is needed.
  """
  deep = _deep(looks)
  lowest = min((k.lowest for k in deep), default=0.0)
  highest = max((k.highest for k in deep), default=0.0)
  if all(k.known for k in deep) and (not deep or highest >= _DARK * 65535):
    return ''
  # Far below 0, such as -9999, stands for no data.
  low = min(lowest, 0.0) if highest <= 0 or -lowest <= 2 * highest else 0.0
  low, high = (
    float(round(end) if abs(end) >= 10 else f'{end:.3g}')
    for end in (low, highest)
  )
  return f'{low:.15g},{high if high > low else low + 1:.15g}'


def _values(looks: Sequence[Look], stretch: str) -> Iterator[Finding]:
  deep = _deep(looks)
  dark = sum(k.highest < 32 for k in looks)
  if dark and not deep:
    yield Finding(
      'warning',
      'dark images',
      f'{count(dark, "image")} with values of 0..31 out of 255 only',
      'check that they are images and not labels, or brighten them',
    )
  if stretch:
    yield Finding(
      'note',
      'range',
      f'images of {max(k.bits for k in deep)} bits hold values of '
      f'{min(k.lowest for k in deep):g} to {max(k.highest for k in deep):g}: '
      f'{stretch} becomes 0..255 (data.stretch)',
      f'give segment the same, --stretch={stretch}; needs magnet-jax[geo]',
    )


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
