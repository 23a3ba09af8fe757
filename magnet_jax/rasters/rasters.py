"""Images of any size that are read in pieces.

raster = open_image.open_image(path, bands=(4, 3, 2), stretch='2-98')
pixels = raster.read(0, 0, 512, 512)
valid = raster.valid(0, 0, 512, 512)
"""

from collections.abc import Iterator, Sequence
import dataclasses
import os
from typing import Protocol

import numpy as np

from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError, Plane, Size

Area = tuple[int, int, int, int]  # top, left, height, width


class BadBlockError(InputError):
  """A tile or strip of a file that cannot be read, unlike the rest of it.

  Attributes:
    area: (top, left, height, width) of the block in the image.
  """

  def __init__(self, message: str, area: Area) -> None:
    super().__init__(message)
    self.area = area


@dataclasses.dataclass(frozen=True)
class Place:
  """The georeference of an image.

  Attributes:
    crs: the coordinate reference system as WKT; '' if the file has none.
    transform: (a, b, c, d, e, f): column, row -> x = a column + b row + c,
      y = d column + e row + f.
    points: ground control points (row, column, x, y, z) if the file has these
      instead of a transform.
  """

  crs: str
  transform: tuple[float, float, float, float, float, float]
  points: tuple[tuple[float, float, float, float, float], ...] = ()


class Raster(Plane, Protocol):
  """A plane of colours of any size, from a file; read from any thread."""

  @property
  def in_rows(self) -> bool:
    """Whether only reading rows from the top is cheap: JPEG, PNG, strips."""

  @property
  def block(self) -> Size:
    """(height, width) of the tiles or strips of the file."""

  @property
  def place(self) -> Place | None:
    """The georeference; None if there is none."""

  @property
  def notes(self) -> tuple[str, ...]:
    """Notes to the user of one line: the stretch, why it is read whole."""

  def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Reads uint8 [height,width,3] of an area inside; 0 where not valid."""

  def valid(
    self, top: int, left: int, height: int, width: int
  ) -> np.ndarray | None:
    """Reads bool [height,width] of an area inside; None if all is valid."""

  def reduced(self, size: Size) -> 'Raster | None':
    """Returns the smallest overview of at least (height, width), if any.

    It is closed with this raster.
    """

  def close(self) -> None:
    """Closes the file."""


@dataclasses.dataclass(frozen=True)
class ArrayRaster:
  """An image in memory.

  Attributes:
    pixels: uint8 [H,W,3].
    mask: bool [H,W], False where there is no image; None if there is none.
    place: the georeference, if there is one.
    notes: notes to the user.
  """

  pixels: np.ndarray
  mask: np.ndarray | None = None
  place: Place | None = None
  notes: tuple[str, ...] = ()
  in_rows = False

  @property
  def size(self) -> Size:
    """(height, width)."""
    return self.pixels.shape[0], self.pixels.shape[1]

  @property
  def block(self) -> Size:
    """The whole image: any area is as cheap as another."""
    return self.size

  def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Returns uint8 [height,width,3], a view."""
    return self.pixels[top : top + height, left : left + width]

  def valid(
    self, top: int, left: int, height: int, width: int
  ) -> np.ndarray | None:
    """Returns bool [height,width], a view; None if all is valid."""
    if self.mask is None:
      return None
    return self.mask[top : top + height, left : left + width]

  def reduced(self, size: Size) -> None:
    """Returns None, as there are no overviews."""

  def close(self) -> None:
    """Does nothing: there is no file."""


def blocks_in(area: Area, block: Size, size: Size) -> Iterator[Area]:
  """Yields the blocks that an area touches, clipped at the image edge."""
  top, left, height, width = area
  for row in range(top // block[0] * block[0], top + height, block[0]):
    rows = min(block[0], size[0] - row)
    for column in range(left // block[1] * block[1], left + width, block[1]):
      yield row, column, rows, min(block[1], size[1] - column)


def smallest(levels: Sequence[Size], size: Size) -> int | None:
  """Returns the index of the smallest level that holds `size`, if any.

  >>> smallest([(100, 80), (50, 40), (25, 20)], (30, 20))
  1
  """
  fitting = [
    (height * width, number)
    for number, (height, width) in enumerate(levels)
    if height >= size[0] and width >= size[1]
  ]
  return min(fitting)[1] if fitting else None


def check_bands(bands: Sequence[int], count: int, name: PathLike) -> None:
  """Raises InputError unless `bands` are one or three of 1..count."""
  if len(bands) not in (1, 3) or not all(1 <= b <= count for b in bands):
    raise InputError(
      f'bands {",".join(map(str, bands))}: must be three or one of '
      f'1..{count}, the bands of {os.fspath(name)}; choose others'
    )
