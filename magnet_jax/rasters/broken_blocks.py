"""Reads around broken blocks of a file, which become areas without data."""

import itertools
import threading
import time

import numpy as np

from magnet_jax.rasters.rasters import (
  Area,
  BadBlockError,
  Place,
  Raster,
  blocks_in,
)
from magnet_jax.types import InputError, Size

_LONGEST = 5.0  # seconds after which no further block is tried


class Unbroken:
  """A raster whose broken blocks are not valid; `broken` lists them.

  raster = broken_blocks.Unbroken(open_image.open_image(path))
  ...
  for line in raster.broken:
    print(line)
  """

  def __init__(self, raster: Raster) -> None:
    """Takes the raster to read from."""
    self._raster = raster
    self._areas: dict[Area, str] = {}
    self._overviews: dict[Size, Unbroken] = {}
    self._lock = threading.Lock()

  @property
  def broken(self) -> tuple[str, ...]:
    """Returns one line for each broken block that was met so far."""
    own = tuple(self._areas[area] for area in sorted(self._areas))
    return own + tuple(
      f'{line} (of the overview of {size[0]} x {size[1]} pixels)'
      for size, overview in sorted(self._overviews.items())
      for line in overview.broken
    )

  @property
  def size(self) -> Size:
    """Returns (height, width)."""
    return self._raster.size

  @property
  def in_rows(self) -> bool:
    """Returns whether only reading rows from the top down is cheap."""
    return self._raster.in_rows

  @property
  def block(self) -> Size:
    """Returns the size of the tiles or strips of the file."""
    return self._raster.block

  @property
  def place(self) -> Place | None:
    """Returns the georeference, if there is one."""
    return self._raster.place

  @property
  def notes(self) -> tuple[str, ...]:
    """Returns notes to the user."""
    return self._raster.notes

  def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Reads uint8 [height,width,3]; 0 where not valid.

    Raises:
      InputError: the file was changed or removed since it was opened.
    """
    return self._both((top, left, height, width))[0]

  def valid(
    self, top: int, left: int, height: int, width: int
  ) -> np.ndarray | None:
    """Reads bool [height,width], None if all is valid; raises as `read`."""
    return self._both((top, left, height, width))[1]

  def reduced(self, size: Size) -> 'Unbroken | None':
    """Returns the smallest overview of at least (height, width), if any."""
    smaller = self._raster.reduced(size)
    if smaller is None:
      return None
    return self._overviews.setdefault(smaller.size, Unbroken(smaller))

  def check(self) -> None:
    """Raises InputError if no block of a sample can be read.

    A damaged header may claim any size: then all of the file is broken, and
    going through it block by block could take days. Some decoders go through
    much for each.
    """
    (height, width), (rows, columns) = self.size, self.block
    until = time.monotonic() + _LONGEST
    errors: list[BadBlockError] = []
    sample = itertools.product(
      _sample(-(-height // rows)), _sample(-(-width // columns))
    )
    for row, column in sample:
      left = column * columns
      try:
        self._raster.read(row * rows, left, 1, min(columns, width - left))
        return
      except BadBlockError as error:
        if error.area == (0, 0, height, width):
          raise
        errors.append(error)
      if time.monotonic() > until:
        break
    raise InputError(
      f'{errors[0]} (no other of {len(errors)} sampled blocks can be read)'
    )

  def close(self) -> None:
    """Closes the raster."""
    self._raster.close()

  def _both(self, area: Area) -> tuple[np.ndarray, np.ndarray | None]:
    with self._lock:
      if not self._lost(area):
        try:
          return self._raster.read(*area), self._raster.valid(*area)
        except BadBlockError as error:
          self._areas[error.area] = str(error)
      return self._in_blocks(area)

  def _in_blocks(self, area: Area) -> tuple[np.ndarray, np.ndarray]:
    top, left, height, width = area
    pixels = np.zeros((height, width, 3), np.uint8)
    valid = np.zeros((height, width), bool)
    for block in blocks_in(area, self.block, self.size):
      piece = _common(block, area)
      if self._lost(piece):
        continue
      try:
        found, mask = self._raster.read(*piece), self._raster.valid(*piece)
      except BadBlockError as error:
        self._areas[error.area] = str(error)
        continue
      row, column = piece[0] - top, piece[1] - left
      here = slice(row, row + piece[2]), slice(column, column + piece[3])
      pixels[here] = found
      valid[here] = True if mask is None else mask
    return pixels, valid

  def _lost(self, area: Area) -> bool:
    """Returns whether an area touches a block that is known to be broken."""
    return any(min(_common(area, known)[2:]) > 0 for known in self._areas)


def _sample(count: int) -> list[int]:
  """Returns at most five of 0..count-1, the first and the last among them."""
  return np.unique(np.linspace(0, count - 1, 5).astype(int)).tolist()


def _common(a: Area, b: Area) -> Area:
  """Returns the intersection of two areas; of no size if they are apart."""
  top, left = max(a[0], b[0]), max(a[1], b[1])
  bottom = min(a[0] + a[2], b[0] + b[2])
  right = min(a[1] + a[3], b[1] + b[3])
  return top, left, bottom - top, right - left
