"""How often each value or colour occurs in a label file."""

import dataclasses
import pathlib

import numpy as np

from magnet_jax.files import decoding, label_codes
from magnet_jax.types import InputError

_ROWS = 256
_MOST = 50_000  # different codes of a file that are kept; photographs have more
_VALUES = ('1', 'L', 'P', 'I', 'I;16', 'I;16L', 'I;16B', 'I;16N')


@dataclasses.dataclass(frozen=True)
class Counts:
  """What a label file holds.

  Attributes:
    pixels: by packed value or colour (`label_codes.pack`); of more than
      50,000 different ones the most frequent.
    rest: pixels of all others.
    colours: whether they are colours.
    palette: colour of each value that occurs, of palette images.
    lossy: whether the file is a JPEG, whose pixels are near what was saved.
    solid: codes that fill 3x3 pixels somewhere, as blends along edges do not.
  """

  pixels: dict[int, int]
  rest: int = 0
  colours: bool = False
  palette: dict[int, tuple[int, int, int]] = dataclasses.field(
    default_factory=dict
  )
  lossy: bool = False
  solid: frozenset[int] = frozenset()

  def as_colours(self) -> 'Counts':
    """The same, with the colours of its palette or greys for its values."""
    if self.colours:
      return self
    pixels: dict[int, int] = {}
    for value, number in self.pixels.items():
      packed = self._colour(value)
      pixels[packed] = pixels.get(packed, 0) + number
    solid = frozenset(self._colour(value) for value in self.solid)
    return Counts(pixels, self.rest, True, {}, self.lossy, solid)

  def _colour(self, value: int) -> int:
    grey = min(value, 255)
    colour = self.palette.get(value, (grey, grey, grey))
    return int(label_codes.pack(np.array([[colour]]))[0, 0])


def count(path: pathlib.Path) -> Counts:
  """Counts the pixels of a label file.

  Raises:
    InputError: it cannot be read, or holds numbers that are no whole ones.
  """
  with decoding.opened(path) as image:
    lossy = image.format == 'JPEG'
    if image.mode == 'F':
      raise InputError(
        f'{path}: label of floating-point numbers; save it with one whole '
        'number or colour a pixel'
      )
    image.load()
    colours = image.mode not in _VALUES
    if colours and image.mode != 'RGB':
      image.info.pop('transparency', None)
      pixels = np.asarray(image.convert('RGB'))
    else:
      pixels = np.asarray(image)
    table = image.getpalette('RGB') if image.mode == 'P' else None
  found, rest = _most(_tally(pixels))
  palette = {}
  if table:
    palette = {
      v: (table[3 * v], table[3 * v + 1], table[3 * v + 2])
      for v in found
      if 3 * v + 2 < len(table)
    }
  return Counts(found, rest, colours, palette, lossy, _solid(pixels))


def _tally(pixels: np.ndarray) -> dict[int, int]:
  """Pixels by packed code, some rows at a time, by runs of equal pixels."""
  found: dict[int, int] = {}
  for top in range(0, len(pixels), _ROWS):
    line = label_codes.pack(pixels[top : top + _ROWS]).reshape(-1)
    starts = np.flatnonzero(np.concatenate([[True], line[1:] != line[:-1]]))
    lengths = np.diff(np.append(starts, line.size))
    codes, which = np.unique(line[starts], return_inverse=True)
    sums = np.bincount(which.reshape(-1), lengths)
    for code, number in zip(codes.tolist(), sums, strict=True):
      found[code] = found.get(code, 0) + int(number)
  return found


def _solid(pixels: np.ndarray) -> frozenset[int]:
  """Packed codes that fill a square of 3x3 pixels, some rows at a time."""
  found: set[int] = set()
  for top in range(0, len(pixels) - 2, _ROWS):
    codes = label_codes.pack(pixels[top : top + _ROWS + 2])
    across = codes[:, 1:] == codes[:, :-1]
    triple = across[:, 1:] & across[:, :-1]
    down = codes[1:, 1:-1] == codes[:-1, 1:-1]
    square = triple[:-2] & triple[1:-1] & triple[2:] & down[:-1] & down[1:]
    found.update(np.unique(codes[1:-1, 1:-1][square]).tolist())
  return frozenset(found)


def _most(found: dict[int, int]) -> tuple[dict[int, int], int]:
  ordered = sorted(found.items(), key=lambda item: -item[1])
  return dict(ordered[:_MOST]), sum(n for _, n in ordered[_MOST:])
