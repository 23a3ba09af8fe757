"""How often each value or colour occurs in a label file."""

from collections import Counter
from collections.abc import Iterator, Sequence
import dataclasses
import itertools
import pathlib

import numpy as np

from magnet_jax.files import decoding, label_codes
from magnet_jax.types import InputError

_ROWS = 256
_MOST = 50_000  # codes kept per file; photographs have more
_BYTES = ('1', 'L', 'P')
_VALUES = (*_BYTES, 'I', 'I;16', 'I;16L', 'I;16B', 'I;16N')
_SAMPLES = 3
_LATTICE = 64  # sampled pixels a side
_FEW = 40  # colours; photographs have hundreds in as many pixels


@dataclasses.dataclass(frozen=True)
class Counts:
  """What a label file holds.

  Attributes:
    pixels: by packed value or colour (`label_codes.pack`); if there are more
      than 50,000 different ones, the most frequent.
    rest: pixels of all others.
    colours: whether they are colours.
    palette: colour of each value that occurs, for palette images.
    lossy: whether the file is a JPEG, whose pixels are only near what was
      saved.
    solid: codes that fill 3x3 pixels somewhere, as blends along edges do not.
    deep: whether they are values of more than 8 bits.
  """

  pixels: dict[int, int]
  rest: int = 0
  colours: bool = False
  palette: dict[int, tuple[int, int, int]] = dataclasses.field(
    default_factory=dict
  )
  lossy: bool = False
  solid: frozenset[int] = frozenset()
  deep: bool = False

  def as_colours(self) -> 'Counts':
    """Returns the same with palette colours, or greys, in place of values.

    Raises:
      InputError: the values have more than 8 bits.
    """
    if self.colours:
      return self
    if self.deep:
      raise InputError(
        'holds values of more than 8 bits, but the classes are given by colours'
      )
    pixels: Counter[int] = Counter()
    for value, number in self.pixels.items():
      pixels[self._colour(value)] += number
    solid = frozenset(self._colour(value) for value in self.solid)
    return Counts(dict(pixels), self.rest, True, {}, self.lossy, solid)

  def _colour(self, value: int) -> int:
    grey = value & 255  # signed bytes are read as unsigned greys
    colour = self.palette.get(value, (grey, grey, grey))
    return int(label_codes.pack(np.array([[colour]]))[0, 0])


def count(path: pathlib.Path) -> Counts:
  """Counts the pixels of a label file.

  Raises:
    InputError: it cannot be read, or holds floating-point numbers.
  """
  with decoding.opened(path) as image:
    lossy, deep = image.format == 'JPEG', image.mode not in _BYTES
    if image.mode == 'F':
      raise InputError(
        f'{path}: label of floating-point numbers; save it with one integer '
        'or colour per pixel'
      )
    image.load()
    colours = image.mode not in _VALUES
    if colours and image.mode != 'RGB':
      image.info.pop('transparency', None)
      pixels = np.asarray(image.convert('RGB'))
    else:
      pixels = decoding.stored(image)
    table = (image.getpalette('RGB') if image.mode == 'P' else None) or []
  tally = _tally(pixels).most_common()
  found = dict(tally[:_MOST])
  palette = {
    v: (table[3 * v], table[3 * v + 1], table[3 * v + 2])
    for v in (found if table else ())
    if 3 * v + 2 < len(table)
  }
  return Counts(
    found,
    sum(number for _, number in tally[_MOST:]),
    colours,
    palette,
    lossy,
    _solid(pixels),
    deep and not colours,
  )


def _tally(pixels: np.ndarray) -> Counter[int]:
  """Counts packed codes, some rows at a time, by runs of equal pixels."""
  found: Counter[int] = Counter()
  for top in range(0, len(pixels), _ROWS):
    line = label_codes.pack(pixels[top : top + _ROWS]).reshape(-1)
    starts = np.flatnonzero(np.concatenate([[True], line[1:] != line[:-1]]))
    lengths = np.diff(np.append(starts, line.size))
    codes, which = np.unique(line[starts], return_inverse=True)
    sums = np.bincount(which.reshape(-1), lengths).astype(np.int64)
    found.update(dict(zip(codes.tolist(), sums.tolist(), strict=True)))
  return found


def _solid(pixels: np.ndarray) -> frozenset[int]:
  """Returns packed codes that fill 3x3 pixels, some rows at a time."""
  found: set[int] = set()
  for top in range(0, len(pixels) - 2, _ROWS):
    codes = label_codes.pack(pixels[top : top + _ROWS + 2])
    across = codes[:, 1:] == codes[:, :-1]
    triple = across[:, 1:] & across[:, :-1]
    down = codes[1:, 1:-1] == codes[:-1, 1:-1]
    square = triple[:-2] & triple[1:-1] & triple[2:] & down[:-1] & down[1:]
    found.update(np.unique(codes[1:-1, 1:-1][square]).tolist())
  return frozenset(found)


def look_like_labels(files: Sequence[pathlib.Path]) -> bool:
  """Tells whether the first readable files hold few colours."""
  seen = list(itertools.islice(_few_colours(files), _SAMPLES))
  return bool(seen) and all(seen)


def _few_colours(files: Sequence[pathlib.Path]) -> Iterator[bool]:
  """Yields, for each readable file of the first few, if it has few colours."""
  for file in files[: 2 * _SAMPLES]:
    try:
      yield _has_few_colours(file)
    except InputError:
      continue


def _has_few_colours(path: pathlib.Path) -> bool:
  with decoding.opened(path) as image:
    if image.format == 'JPEG':
      return False
    if image.mode in ('1', 'P'):
      return True
    pixels = np.asarray(image)
    rows, columns = (max(1, side // _LATTICE) for side in pixels.shape[:2])
    some = pixels[::rows, ::columns]
    flat = some.reshape(-1, some.shape[2] if some.ndim == 3 else 1)
    return len(np.unique(flat, axis=0)) <= _FEW
