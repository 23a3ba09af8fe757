"""World files: the place of an image that cannot hold it, in six lines beside.

They give no coordinate reference system. `photo.jpg` has `photo.jgw`,
`photo.jpgw` or `photo.wld`.
"""

import math
import pathlib

from magnet_jax import outside
from magnet_jax.files import atomic
from magnet_jax.rasters.rasters import Place
from magnet_jax.types import InputError

_MOST = 4096  # bytes of six numbers


def path_of(image: pathlib.Path) -> pathlib.Path:
  """Returns the usual name of an image's world file.

  >>> path_of(pathlib.Path('a.png')).name
  'a.pgw'
  """
  letters = image.suffix[1:]
  return image.with_suffix(f'.{letters[0]}{letters[-1]}w')


def names(image: pathlib.Path) -> list[pathlib.Path]:
  """Returns the names that an image's world file may have."""
  if len(image.suffix) < 2:
    return []
  usual = path_of(image)
  found = [usual, image.with_suffix(f'{image.suffix}w')]
  found.append(image.with_suffix('.wld'))
  return [
    path.with_suffix(change(path.suffix))
    for path in found
    for change in (str.lower, str.upper)
  ]


def read(image: pathlib.Path) -> Place | None:
  """Reads the world file of an image; None if it has none.

  Raises:
    InputError: it does not hold six numbers of a place.
  """
  there = [path for path in names(image) if path.is_file()]
  if not there:
    return None
  path = there[0]
  with outside.reading(
    path, 'is no world file', 'correct it, or remove it to segment without'
  ):
    with path.open('rb') as file:
      words = file.read(_MOST).decode('ascii').replace(',', '.').split()
    a, d, b, e, x, y = (float(word) for word in words)
  if not all(map(math.isfinite, (a, d, b, e, x, y))) or a * e == b * d:
    raise InputError(
      f'{path}: its numbers {a:g}, {d:g}, {b:g}, {e:g}, {x:g}, {y:g} are no '
      'place on a map: must be finite, and span an area; correct or remove it'
    )
  # x and y are those of the centre of the first pixel.
  return Place('', (a, b, x - (a + b) / 2, d, e, y - (d + e) / 2))


def write(image: pathlib.Path, place: Place) -> None:
  """Writes the world file of an image.

  Raises:
    InputError: writing fails.
  """
  a, b, c, d, e, f = place.transform
  numbers = (a, d, b, e, c + (a + b) / 2, f + (d + e) / 2)
  text = ''.join(f'{number!r}\n' for number in numbers)
  atomic.write_bytes(path_of(image), text.encode())
