"""What may be wrong with pairs, classes and splits."""

from collections import defaultdict
from collections.abc import Sequence
import pathlib

import numpy as np

from magnet_jax.survey.alike import Match
from magnet_jax.survey.coding import Coding
from magnet_jax.survey.findings import Finding, count
from magnet_jax.survey.layout import names
from magnet_jax.survey.probe import Look
from magnet_jax.types import ClassTable, InputError

_SMALL = 128
_DARK = 0.25  # share of the range that 16-bit images use at least


def images(
  looks: Sequence[Look], base: pathlib.Path
) -> tuple[list[Look], dict[str, object], list[Finding]]:
  """Leaves out what has another size than its label; says how to read.

  Returns:
    What is left; settings of `data` that differ from the defaults; findings.
  """
  findings: list[Finding] = []
  reading: dict[str, object] = {}
  lying = [k for k in looks if k.fits(False) and not k.fits(True)]
  upright = [k for k in looks if k.fits(True) and k.orientation >= 5]
  turned = not lying or len(upright) >= len(lying)
  if not turned:
    reading['turn'] = False
    findings.append(
      Finding(
        'warning',
        'EXIF orientation',
        f'{count(len(lying), "label")} drawn on the pixels as they are stored, '
        'not as their EXIF orientation turns them: images are read without '
        'turning them (data.turn)',
        'nothing, or turn images and labels both',
        names(base, (k.pair.image for k in lying)),
      )
    )
  kept = [k for k in looks if k.fits(turned)]
  wrong = [k for k in looks if not k.fits(turned)]
  exif = [k for k in wrong if k.fits(not turned)]
  findings += _wrong_sizes(exif, [k for k in wrong if k not in exif], base)
  findings += _maybe_turned([k for k in kept if k.orientation > 1], base)
  more, found = _bands(kept, base)
  small = [k for k in kept if max(k.size) < _SMALL]
  if small:
    found.append(
      Finding(
        'warning',
        'small images',
        f'{count(len(small), "image")} below {_SMALL} pixels a side: there is '
        'little to look at more closely',
        'give images at their full size',
        names(base, (k.pair.image for k in small)),
      )
    )
  return kept, {**reading, **more}, findings + found


def _wrong_sizes(
  exif: Sequence[Look], others: Sequence[Look], base: pathlib.Path
) -> list[Finding]:
  findings = []
  if exif:
    findings.append(
      Finding(
        'error',
        'EXIF orientation',
        f'{count(len(exif), "image")} whose EXIF orientation does not fit the '
        'label, left out: it was drawn on an image that lay otherwise',
        'remove the tag (exiftool -Orientation= FILE) or turn the label',
        names(base, (k.pair.image for k in exif)),
      )
    )
  if others:
    sizes = tuple(
      f'{names(base, [k.pair.label])[0]} {k.label_size[1]}x{k.label_size[0]} '
      f'for {k.size[1]}x{k.size[0]}'
      for k in others
    )
    findings.append(
      Finding(
        'error',
        'sizes differ',
        f'{count(len(others), "label")} of another size than the image, left '
        'out (width x height)',
        'correct the pairs, or resize the labels by nearest neighbour',
        sizes,
      )
    )
  return findings


def _maybe_turned(looks: Sequence[Look], base: pathlib.Path) -> list[Finding]:
  if not looks:
    return []
  return [
    Finding(
      'warning',
      'EXIF orientation',
      f'{count(len(looks), "image")} with an EXIF orientation: sizes fit, but '
      'whether the label was drawn on the turned image only an eye can tell',
      'look at them in index.html',
      names(base, (k.pair.image for k in looks)),
    )
  ]


def _bands(
  looks: Sequence[Look], base: pathlib.Path
) -> tuple[dict[str, object], list[Finding]]:
  kinds = defaultdict(list)
  for each in looks:
    kinds[each.bands, each.bits].append(each)
  reading: dict[str, object] = {}
  findings = []
  if len(kinds) > 1:
    text = ', '.join(
      f'{len(group)} of {count(bands, "band")} and {bits} bits'
      for (bands, bits), group in sorted(kinds.items())
    )
    findings.append(
      Finding(
        'warning',
        'kinds of images',
        f'images of several kinds: {text}',
        'give images of one kind if a network is to see one kind',
      )
    )
  many = [k for k in looks if k.bands not in (1, 3)]
  if many:
    most = max(k.bands for k in many)
    # Bands are chosen for all images: what the least of them has.
    three = all(k.bands >= 3 for k in looks)
    reading['bands'] = (1, 2, 3) if three else (1,)
    text = f'{count(len(many), "image")} of {most} bands: networks see three. '
    text += 'The first three are taken' if three else 'The first is taken'
    if len(many) < len(looks):
      text += ', of all images'
    findings.append(
      Finding(
        'note',
        'bands',
        text,
        'other ones: data.bands = (4, 3, 2); segment --bands=4,3,2 is told the '
        'same',
        names(base, (k.pair.image for k in many)),
      )
    )
  single = [k for k in looks if k.bands == 1]
  if single:
    findings.append(
      Finding(
        'note',
        'bands',
        f'{count(len(single), "image")} of one band: the grey '
        'is shown to the network as red, green and blue',
      )
    )
  stretch, found = _stretch(looks)
  return {**reading, **stretch}, findings + found


def _stretch(
  looks: Sequence[Look],
) -> tuple[dict[str, object], list[Finding]]:
  """A range for numbers that have none of their own, or do not fill it."""
  deep = [k for k in looks if k.bits > 8 or not k.known]
  if not deep:
    dark = [k for k in looks if k.highest < 32]
    if not dark:
      return {}, []
    return {}, [
      Finding(
        'warning',
        'dark images',
        f'{count(len(dark), "image")} hold values of 0..31 of 255 only',
        'check that they are images and not labels, or brighten them',
      )
    ]
  lowest = min(k.lowest for k in deep)
  highest = max(k.highest for k in deep)
  if all(k.known for k in deep) and highest >= _DARK * 65535:
    return {}, []
  text = _stretch_text(lowest, highest)
  return {'stretch': text}, [
    Finding(
      'note',
      'range',
      f'images of {max(k.bits for k in deep)} bits hold values '
      f'of {lowest:g} to {highest:g}: {text} becomes 0..255 (data.stretch)',
      f'segment --stretch={text} is told the same; needs magnet-jax[geo]',
    )
  ]


def _stretch_text(lowest: float, highest: float) -> str:
  """'LOW,HIGH'; far below 0, as -9999, is what stands for no data."""
  low = min(lowest, 0.0) if highest <= 0 or -lowest <= 2 * highest else 0.0
  low, high = (
    float(round(end) if abs(end) >= 10 else f'{end:.3g}')
    for end in (low, highest)
  )
  return f'{low:.15g},{high if high > low else low + 1:.15g}'


def labels(
  looks: Sequence[Look], coded: Coding, base: pathlib.Path
) -> tuple[list[Look], np.ndarray, list[Finding]]:
  """Leaves out labels that hold what is no class.

  Returns:
    What is left; int64 [pairs,C+1] of pixels; findings.
  """
  kept, rows, bad, single = [], [], [], []
  for each in looks:
    try:
      row = coded.tally([each.counts])[0]
    except InputError as error:
      reason = str(error).split('; ')[0].lstrip(': ')
      bad.append(f'{names(base, [each.pair.label])[0]} {reason}')
      continue
    kept.append(each)
    rows.append(row)
    if np.count_nonzero(row) == 1:
      index = int(row.argmax())
      name = (*coded.table.names, 'ignored')[index]
      single.append(f'{names(base, [each.pair.label])[0]} ({name})')
  findings = []
  if bad:
    findings.append(
      Finding(
        'error',
        'no class',
        f'{count(len(bad), "label")} that hold what is no class, left out',
        'add it to the classes (--classes) or correct the labels',
        tuple(bad),
      )
    )
  if single:
    findings.append(
      Finding(
        'warning',
        'one value',
        f'{count(len(single), "label")} of one value only',
        'check that they are not unfinished',
        tuple(single),
      )
    )
  count_of_classes = len(coded.table) + 1
  pixels = np.array(rows, np.int64).reshape(-1, count_of_classes)
  return kept, pixels, findings


def matches(
  looks: Sequence[Look],
  splits: Sequence[str],
  found: Sequence[Match],
  base: pathlib.Path,
) -> list[Finding]:
  """Images that show the same, in different splits and in one."""
  told = {'copy': 'near-duplicates', 'overlap': 'images that overlap'}
  findings = []
  for kind, noun in told.items():
    across: list[str] = []
    within: list[str] = []
    for match in found:
      if match.kind != kind:
        continue
      here, there = splits[match.first], splits[match.second]
      one, other = names(
        base, (looks[i].pair.image for i in (match.first, match.second))
      )
      points = f' ({match.points} points)' if match.points else ''
      line = f'{one} ({here}) = {other} ({there}){points}'
      (within if here == there else across).append(line)
    if across:
      findings.append(
        Finding(
          'warning',
          f'{noun} across splits',
          f'{count(len(across), "pair")} of {noun} are in different splits: '
          'scores will be too good',
          'move one of each into the other split',
          tuple(across),
        )
      )
    if within:
      findings.append(
        Finding(
          'note',
          noun,
          f'{count(len(within), "pair")} of {noun} in one split; '
          'they count as less than as many images',
          '',
          tuple(within),
        )
      )
  return findings


def classes(
  table: ClassTable, splits: Sequence[str], pixels: np.ndarray
) -> list[Finding]:
  """Classes that occur nowhere, or not in a split."""
  findings = []
  there = {
    split: pixels[[s == split for s in splits]][:, : len(table)].sum(0) > 0
    for split in ('train', 'val', 'test')
    if split in splits
  }
  anywhere = pixels[:, : len(table)].sum(0) > 0
  absent = [table.names[i] for i in np.flatnonzero(~anywhere)]
  if absent:
    findings.append(
      Finding(
        'warning',
        'class never occurs',
        f'{", ".join(absent)}: in no label; its IoU is left out of the mean',
        'add images that show it, or remove it from classes.json',
      )
    )
  for split, seen in there.items():
    missing = [table.names[i] for i in np.flatnonzero(anywhere & ~seen)]
    if missing:
      effect = 'cannot be learnt' if split == 'train' else 'is not measured'
      findings.append(
        Finding(
          'warning',
          f'class not in {split}',
          f'{", ".join(missing)}: not in {split}, and so {effect} there',
          'move an image that shows it there, by the lists',
        )
      )
  if 'test' not in there:
    findings.append(
      Finding(
        'warning',
        'empty split',
        'test has no image: figures can be had on val '
        'only, on which the best step is chosen',
        'add images to test.txt',
      )
    )
  return findings
