"""Images whose size or orientation does not fit, and how to read the rest."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
import pathlib

from magnet_jax.survey.findings import Finding, about, count, names
from magnet_jax.survey.probe import Look

_SMALL = 128
_DARK = 0.25  # share of their range that 16-bit images should use


def check(
  looks: Sequence[Look], base: pathlib.Path
) -> tuple[list[Look], dict[str, object], list[Finding]]:
  """Drops images whose size differs from the label's; decides how to read.

  Returns:
    The rest; settings of `data` that differ from the defaults; findings.
  """
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
    *_orientation(base, kept, () if turned else lying, wrong),
    *_bands(kept, many, _files(base, many), three),
    *_values(kept, stretch),
    *about(
      _files(base, (k for k in kept if max(k.size) < _SMALL)),
      'image',
      'small images',
      f'below {_SMALL} pixels a side: there is little detail to refine',
      'use images at their full size',
      level='warning',
    ),
  ]
  return kept, reading, findings


def _files(base: pathlib.Path, looks: Iterable[Look]) -> tuple[str, ...]:
  return names(base, (k.pair.image for k in looks))


def _orientation(
  base: pathlib.Path,
  kept: Sequence[Look],
  lying: Sequence[Look],
  wrong: Sequence[Look],
) -> Iterator[Finding]:
  """Reports how sizes and EXIF orientations fit.

  Args:
    base: folder that the files are named from.
    kept: images that are used.
    lying: those whose labels make that all are read as they are stored.
    wrong: images whose labels do not fit.
  """
  yield from about(
    _files(base, lying),
    'label',
    'EXIF orientation',
    'drawn on the pixels as stored, ignoring the EXIF orientation: images '
    'are read without applying it (data.turn)',
    'nothing to do, or rotate images and labels together',
    level='warning',
  )
  yield from about(
    _files(base, (k for k in wrong if k.fits(True) or k.fits(False))),
    'image',
    'EXIF orientation',
    'whose EXIF orientation does not match the label, left out: the label '
    'was drawn on the image in another orientation',
    'remove the tag (exiftool -Orientation= FILE) or rotate the label',
    level='error',
  )
  yield from about(
    [
      f'{names(base, [k.pair.label])[0]} {_shape(k.label_size)} for '
      f'{_shape(k.size)}'
      for k in wrong
      if not (k.fits(True) or k.fits(False))
    ],
    'label',
    'sizes differ',
    'whose size differs from that of the image, left out (width x height)',
    'correct the pairs, or resize the labels by nearest neighbour',
    level='error',
  )
  yield from about(
    _files(base, (k for k in kept if k.orientation > 1)),
    'image',
    'EXIF orientation',
    'with an EXIF orientation: the sizes match, but only a look can tell '
    'whether the label was drawn on the rotated image',
    'look at them in index.html',
    level='warning',
  )


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
