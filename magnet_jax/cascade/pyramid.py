"""One pass over an image of any size makes the images of all stages."""

from collections.abc import Callable, Iterator, Sequence
import dataclasses
import pathlib
from typing import NamedTuple

import numpy as np

from magnet_jax.cascade import disk
from magnet_jax.cascade.disk import OnDisk
from magnet_jax.ops.area import AreaAverage
from magnet_jax.rasters.rasters import Raster
from magnet_jax.types import InputError, Plane, Size

_BAND = 2**20  # pixels of a band of rows, about: 3 MB
_PIECE = 2**18  # pixels that are read at a time
_MASK = 'invalid'

Done = Callable[[float], None]


@dataclasses.dataclass(frozen=True)
class Pyramid:
  """The images of all stages.

  Attributes:
    images: uint8 [H_s,W_s,3] of each stage; the last is the image itself, or
      its copy where it cannot be read but in rows.
    invalid: uint8 [H,W], 1 where there is no image; None: it is everywhere.
  """

  images: tuple[Plane, ...]
  invalid: Plane | None


@dataclasses.dataclass(frozen=True)
class _Invalid:
  """What is not valid of an image that is not read as a whole."""

  source: Raster

  @property
  def size(self) -> Size:
    return self.source.size

  def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
    valid = self.source.valid(top, left, height, width)
    if valid is None:
      return np.zeros((height, width), np.uint8)
    return (~valid).astype(np.uint8)


def make(
  source: Raster,
  sizes: Sequence[Size],
  folder: pathlib.Path,
  done: Done,
  *,
  overviews: bool = False,
) -> bool:
  """Writes the images of all stages but the last into a folder.

  Args:
    source: the image.
    sizes: of the stages, the last that of the image.
    folder: must exist; what is in it of an earlier try is written over.
    done: told of the share that was read, after each band.
    overviews: make them of the file's own overviews, where it has them: reads
      far less, and how these were made is not known.

  Returns:
    Whether there may be pixels without an image.

  Raises:
    InputError: there are no others.
  """
  passes = _passes(source, sizes[:-1], overviews)
  total = sum(each.size[0] for each, _ in passes)
  before = 0
  found = []
  for each, wanted in passes:
    rows = before

    def tell(read: int, rows: int = rows) -> None:
      done((rows + read) / total)

    found.append(_make(each, wanted, folder, tell, whole=each is source))
    before += each.size[0]
  if all(one.empty for one in found):
    raise nothing_to_see(source.size)
  if passes[-1][0] is not source:
    return source.valid(0, 0, 1, 1) is not None
  return found[-1].masked


class _Found(NamedTuple):
  """What a pass met: no valid pixel at all, any that is not."""

  empty: bool
  masked: bool


def _make(
  source: Raster,
  sizes: Sequence[Size],
  folder: pathlib.Path,
  tell: Callable[[int], None],
  *,
  whole: bool,
) -> _Found:
  """Makes images of one source in one pass over it.

  Args:
    source: the image or an overview of it.
    sizes: of the images.
    folder: where they go.
    tell: is told of the rows that were read so far.
    whole: whether it is the image itself, whose mask and, if it is read in
      rows, pixels are kept.
  """
  shrinking = [
    _Shrinking(AreaAverage(source.size, size), _image(folder, size))
    for size in sizes
  ]
  copy = _image(folder, source.size) if whole and source.in_rows else None
  invalid: OnDisk | None = None
  empty = True
  for top, height in _bands(source):
    for left, width in _pieces(source, height):
      pixels = source.read(top, left, height, width)
      for each in shrinking:
        each.average.add(top, left, pixels)
      if copy:
        copy.write(top, left, pixels)
      valid = source.valid(top, left, height, width)
      empty = empty and valid is not None and not valid.any()
      if whole and valid is not None and not valid.all():
        invalid = invalid or _mask(folder, source.size)
        invalid.write(top, left, (~valid).astype(np.uint8))
    for each in shrinking:
      each.take(top + height)
    for plane in (copy, invalid):
      if plane:
        plane.flush()
    tell(top + height)
  for each in shrinking:
    each.close()
  return _Found(empty, invalid is not None)


def _passes(
  source: Raster, sizes: Sequence[Size], overviews: bool
) -> list[tuple[Raster, list[Size]]]:
  """What is read in full, and the sizes that are made of it."""
  found: list[tuple[Raster, list[Size]]] = []
  for size in sizes:
    smaller = None
    if overviews and not source.in_rows:
      smaller = source.reduced(size)
    taken = smaller or source
    if not (found and found[-1][0].size == taken.size):
      found.append((taken, []))
    found[-1][1].append(size)
  return found or [(source, [])]


def nothing_to_see(size: Size) -> InputError:
  """Of an image whose pixels are all said to be none."""
  return InputError(
    f'none of its {size[0]}x{size[1]} pixels is valid: all are masked, '
    "transparent or of the file's value for no data; check that value"
  )


def opened(
  source: Raster, sizes: Sequence[Size], folder: pathlib.Path, masked: bool
) -> Pyramid:
  """The images that `make` has written; `masked` is what it returned."""
  images: list[Plane] = [_image(folder, size) for size in sizes[:-1]]
  images.append(_image(folder, source.size) if source.in_rows else source)
  invalid: Plane | None = None
  if masked:
    noted = (folder / _MASK).exists()
    invalid = _mask(folder, source.size) if noted else _Invalid(source)
  return Pyramid(tuple(images), invalid)


def _image(folder: pathlib.Path, size: Size) -> OnDisk:
  name = f'image{size[0]}x{size[1]}'
  tiles = disk.equal_tiles(size)
  return OnDisk(folder / name, tiles, 3, 'bytes')


def _mask(folder: pathlib.Path, size: Size) -> OnDisk:
  tiles = disk.equal_tiles(size)
  return OnDisk(folder / _MASK, tiles, 0, 'bytes', sparse=True)


def _bands(source: Raster) -> Iterator[tuple[int, int]]:
  """First row and rows of each band."""
  height, width = source.size
  # Whole chunks of the copy, if there is one. Of a tiled file less: its reader
  # keeps the tiles that a band cuts, and sums take 12 bytes a pixel.
  rows = disk.CHUNK[0] if source.in_rows else max(1, _BAND // width)
  block = source.block[0]
  if not source.in_rows and rows > block:
    rows -= rows % block
  for top in range(0, height, rows):
    yield top, min(rows, height - top)


def _pieces(source: Raster, rows: int) -> Iterator[tuple[int, int]]:
  """First column and columns of each piece of a band."""
  width = source.size[1]
  columns = width
  if not source.in_rows:
    block = source.block[1]
    columns = max(block, _PIECE // rows // block * block)
  for left in range(0, width, columns):
    yield left, min(columns, width - left)


class _Shrinking:
  """A stage's image in the making: rows are written as chunks are full."""

  def __init__(self, average: AreaAverage, target: OnDisk):
    self.average = average
    self._target = target
    self._top = 0
    self._rows: list[np.ndarray] = []

  def take(self, bottom: int) -> None:
    """Takes what the image's rows before `bottom` complete."""
    self._rows.append(self.average.take(bottom))
    count = sum(map(len, self._rows))
    if count >= disk.CHUNK[0]:
      self._write(count - count % disk.CHUNK[0])

  def close(self) -> None:
    """Writes the rest."""
    self._write(sum(map(len, self._rows)))

  def _write(self, count: int) -> None:
    rows = np.concatenate(self._rows)
    self._target.write(self._top, 0, rows[:count])
    self._target.flush()
    self._top += count
    self._rows = [rows[count:].copy()]
