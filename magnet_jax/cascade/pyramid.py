"""Images of all stages from one pass over an image of any size."""

from collections.abc import Callable, Iterator, Sequence
import dataclasses
import pathlib
from typing import NamedTuple

import numpy as np

from magnet_jax.cascade import tiling
from magnet_jax.cascade.disk import OnDisk
from magnet_jax.ops.area import AreaAverage
from magnet_jax.rasters.rasters import Raster
from magnet_jax.types import InputError, Plane, Size

_BAND = 2**20  # pixels of a band of rows, approximately: 3 MB
_PIECE = 2**18  # pixels that are read at a time
_MASK = 'invalid'

Done = Callable[[float], None]


@dataclasses.dataclass(frozen=True)
class Pyramid:
  """The images of all stages.

  Attributes:
    images: uint8 [H_s,W_s,3] of each stage; the last is the image itself, or
      a copy where it can only be read row by row.
    invalid: uint8 [H,W], 1 for nodata; None: every pixel is valid.
  """

  images: tuple[Plane, ...]
  invalid: Plane | None


@dataclasses.dataclass(frozen=True)
class _Invalid:
  """The mask of an image that was not read in full, read on demand."""

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
    folder: must exist; remains of an earlier attempt are overwritten.
    done: progress callback, given the share read after each band.
    overviews: start from the file's own overviews where it has them: reads far
      less, but how they were resampled is unknown.

  Returns:
    Whether there may be invalid pixels.

  Raises:
    InputError: no pixel is valid.
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
  # Only overviews were read: whether pixels are invalid is not known, only
  # whether the file can have any.
  if passes[-1][0] is not source:
    return source.valid(0, 0, 1, 1) is not None
  return found[-1].masked


class _Found(NamedTuple):
  """What a pass found: whether no pixel is valid, and whether some are not."""

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
    tell: progress callback, given the number of rows read so far.
    whole: whether this is the image itself; its mask is kept, and its pixels
      as well if it is read row by row.
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
      # A mask is made at the first invalid pixel: most images have none.
      if whole and valid is not None and not valid.all():
        invalid = invalid or _mask(folder, source.size)
        invalid.write(top, left, (~valid).astype(np.uint8))
    for each in shrinking:
      each.take(top + height)
    # Each band, as writes in flight keep its pixels in memory.
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
  """What is read in full, and the sizes that are made from it."""
  found: list[tuple[Raster, list[Size]]] = []
  for size in sizes:
    smaller = None
    if overviews and not source.in_rows:
      smaller = source.reduced(size)
    taken = smaller or source
    # One overview may serve several stages: it is read once for all of them.
    if not (found and found[-1][0].size == taken.size):
      found.append((taken, []))
    found[-1][1].append(size)
  return found or [(source, [])]


def nothing_to_see(size: Size) -> InputError:
  """Returns the error for an image without a valid pixel."""
  return InputError(
    f'none of its {size[0]}x{size[1]} pixels is valid: all are masked, '
    'transparent or nodata; check its nodata value'
  )


def opened(
  source: Raster, sizes: Sequence[Size], folder: pathlib.Path, masked: bool
) -> Pyramid:
  """Opens the images that `make` has written; `masked` is its result."""
  images: list[Plane] = [_image(folder, size) for size in sizes[:-1]]
  images.append(_image(folder, source.size) if source.in_rows else source)
  invalid: Plane | None = None
  if masked:
    noted = (folder / _MASK).exists()
    invalid = _mask(folder, source.size) if noted else _Invalid(source)
  return Pyramid(tuple(images), invalid)


def _image(folder: pathlib.Path, size: Size) -> OnDisk:
  name = f'image{size[0]}x{size[1]}'
  tiles = tiling.equal_tiles(size)
  return OnDisk(folder / name, tiles, 3, 'bytes')


def _mask(folder: pathlib.Path, size: Size) -> OnDisk:
  tiles = tiling.equal_tiles(size)
  return OnDisk(folder / _MASK, tiles, 0, 'bytes', sparse=True)


def _bands(source: Raster) -> Iterator[tuple[int, int]]:
  """First row and rows of each band."""
  height, width = source.size
  # In rows: whole chunks of the copy. Tiled files: fewer rows, as the reader
  # caches the tiles that a band cuts, and sums take 12 bytes per pixel.
  rows = tiling.CHUNK[0] if source.in_rows else max(1, _BAND // width)
  block = source.block[0]
  if not source.in_rows and rows > block:
    # Whole tiles, so that none is decoded twice.
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
  """A stage's image being made; rows are written once they fill chunks."""

  def __init__(self, average: AreaAverage, target: OnDisk):
    self.average = average
    self._target = target
    self._top = 0
    self._rows: list[np.ndarray] = []

  def take(self, bottom: int) -> None:
    """Takes the rows of the average that end before `bottom`."""
    self._rows.append(self.average.take(bottom))
    count = sum(map(len, self._rows))
    if count >= tiling.CHUNK[0]:
      self._write(count - count % tiling.CHUNK[0])

  def close(self) -> None:
    """Writes the remaining rows."""
    self._write(sum(map(len, self._rows)))

  def _write(self, count: int) -> None:
    rows = np.concatenate(self._rows)
    self._target.write(self._top, 0, rows[:count])
    self._target.flush()
    self._top += count
    # A copy, as a view would keep all the written rows alive.
    self._rows = [rows[count:].copy()]
