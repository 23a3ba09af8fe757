"""Which tiles or strips of a TIFF hold data, told without decoding any.

A TIFF may leave out blocks, which count as 0, or show one in many places: by
that a short file can claim any number of pixels. Its list of blocks is quick to
read, even of a million.
"""

from collections.abc import Mapping
import dataclasses
import io
import math
import os
import pathlib
import struct
from typing import BinaryIO

import numpy as np

from magnet_jax.types import InputError, Size

_WIDTH, _HEIGHT, _COMPRESSION, _SAMPLES, _PLANES = 256, 257, 259, 277, 284
_STRIPS, _ROWS, _STRIP_BYTES = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 322, 323, 324, 325
_OLD_JPEG = 6  # may list no blocks
_SEPARATE = 2  # planes
_TYPES = {1: 'u1', 3: 'u2', 4: 'u4', 13: 'u4', 16: 'u8', 18: 'u8'}
_MOST = 2**16  # tags
# Writers may store blocks that are alike, as those of a sea, only once. How
# often on average is bounded where an image takes long to go through.
_SHOWN, _LONG = 100, 2**27  # times, pixels


@dataclasses.dataclass(frozen=True)
class Blocks:
  """The tiles or strips of the first image of a TIFF.

  Attributes:
    size: (height, width) of a block; the last ones may exceed the image.
    held: bool [rows,columns] of blocks, True for those with data of any band.
    missing: how many are left out, those of each band if it has its own.
    count: how many there should be.
  """

  size: Size
  held: np.ndarray
  missing: int
  count: int


@dataclasses.dataclass(frozen=True)
class _Tag:
  kind: np.dtype
  count: int
  start: int  # of its values in the file


def look(path: pathlib.Path, file: BinaryIO) -> Blocks | None:
  """Looks which blocks of a TIFF hold data.

  Args:
    path: for messages.
    file: of which the header, the tags and the list of blocks are read.

  Returns:
    The blocks; None if that cannot be told, as of damaged tags: then decoders
    refuse it.

  Raises:
    InputError: fewer blocks are listed than its size needs, none has data, or
      nearly all are the same ones.
  """
  try:
    found = _listed(file)
  except (struct.error, LookupError, ValueError, OverflowError, OSError):
    return None
  if found is None:
    return None
  size, shape, starts = found
  listed = starts != 0
  needed = math.prod(shape)
  if len(listed) < needed:
    raise InputError(
      f'{path}: lists {len(listed)} tiles or strips of the {needed} that its '
      'size needs; it is damaged, copy or export it again'
    )
  if not listed.any():
    raise InputError(
      f'{path}: holds no pixels: all of its {needed} tiles or strips are left '
      'out; copy or export it again'
    )
  _check_sharing(path, size, starts[listed])
  missing = needed - int(np.count_nonzero(listed))
  held = np.any(listed.reshape(shape), axis=0)
  return Blocks(size, np.asarray(held), missing, needed)


def _check_sharing(path: pathlib.Path, size: Size, starts: np.ndarray) -> None:
  """Raises InputError if a large image consists of very few blocks."""
  # A million of them are sorted in a tenth of a second.
  places, count = len(np.unique(starts)), len(starts)
  if count <= _SHOWN * places or count * math.prod(size) <= _LONG:
    return
  raise InputError(
    f'{path}: shows {places} tiles or strips {count} times: one may be shown '
    f'{_SHOWN} times on average in an image of more than {_LONG} pixels; if it '
    'is meant to be like that, write it out by gdal_translate'
  )


def check(
  path: pathlib.Path, file: pathlib.Path | io.BytesIO, *, all_of_them: bool
) -> Blocks | None:
  """Checks that a TIFF has pixels.

  Args:
    path: for messages.
    file: the file, or its content.
    all_of_them: whether no block may be left out: Pillow decodes the beginning
      of the file in its place.

  Returns:
    As `look`.

  Raises:
    InputError: as `look`, or blocks are left out.
  """
  if isinstance(file, pathlib.Path):
    with file.open('rb') as source:
      found = look(path, source)
  else:
    found = look(path, io.BytesIO(file.getvalue()))
  if all_of_them and found and found.missing:
    raise InputError(
      f'{path}: leaves out {found.missing} of its {found.count} tiles or '
      'strips, which only images may, and only with rasterio (pip install '
      '"magnet-jax[geo]"); fill them, as by gdal_translate'
    )
  return found


def _listed(
  file: BinaryIO,
) -> tuple[Size, tuple[int, int, int], np.ndarray] | None:
  """Returns block size, (planes, rows, columns) and starts; 0 for no data."""
  tags = _tags(file)
  layout = _layout(file, tags)
  if layout is None:
    return None
  size, shape, starts, counts = layout
  listed = _values(file, starts, math.prod(shape))
  if counts:
    sizes = _values(file, counts, math.prod(shape))
    shorter = min(len(listed), len(sizes))
    listed = np.where(sizes[:shorter] != 0, listed[:shorter], 0)
  return size, shape, listed


def _layout(
  file: BinaryIO, tags: Mapping[int, _Tag]
) -> tuple[Size, tuple[int, int, int], _Tag, _Tag | None] | None:
  """Returns block size, (planes, rows, columns), starts and byte counts."""
  width, height = (_number(file, tags, tag, 0) for tag in (_WIDTH, _HEIGHT))
  tiled = _TILE_WIDTH in tags
  if tiled:
    rows, columns = (
      _number(file, tags, tag, 0) for tag in (_TILE_HEIGHT, _TILE_WIDTH)
    )
  else:
    rows, columns = min(_number(file, tags, _ROWS, height), height), width
  starts = tags.get(_TILES if tiled else _STRIPS)
  old = _number(file, tags, _COMPRESSION, 1) == _OLD_JPEG
  separate = _number(file, tags, _PLANES, 1) == _SEPARATE
  planes = _number(file, tags, _SAMPLES, 1) if separate else 1
  if old or not (starts and all((width, height, rows, columns, planes))):
    return None
  shape = planes, -(-height // rows), -(-width // columns)
  counts = tags.get(_TILE_BYTES if tiled else _STRIP_BYTES)
  return (rows, columns), shape, starts, counts


def _tags(file: BinaryIO) -> dict[int, _Tag]:
  """Reads where the values of the first image's tags are."""
  file.seek(0)
  head = file.read(16)
  order = '<' if head[:2] == b'II' else '>'
  if struct.unpack(f'{order}H', head[2:4]) == (43,):  # BigTIFF
    counting, form, inside = f'{order}Q', f'{order}HHQQ', 8
  else:
    counting, form, inside = f'{order}H', f'{order}HHII', 4
  (place,) = struct.unpack(
    f'{order}{"Q" if inside == 8 else "I"}', head[inside : 2 * inside]
  )
  file.seek(place)
  (count,) = struct.unpack(counting, file.read(struct.calcsize(counting)))
  place += struct.calcsize(counting)
  each = struct.calcsize(form)
  listed = file.read(min(count, _MOST) * each)
  found: dict[int, _Tag] = {}
  for tag, kind, length, start in struct.iter_unpack(form, listed):
    place += each
    if kind not in _TYPES:
      continue
    values = np.dtype(f'{order}{_TYPES[kind]}')
    within = length * values.itemsize <= inside
    at = place - inside if within else start
    found.setdefault(tag, _Tag(values, length, at))
  return found


def _number(
  file: BinaryIO, tags: Mapping[int, _Tag], tag: int, default: int
) -> int:
  """Returns the first value of a tag."""
  if tag not in tags:
    return default
  return int(_values(file, tags[tag], 1)[0])


def _values(file: BinaryIO, tag: _Tag, most: int) -> np.ndarray:
  """Reads values of a tag, at most so many; fewer where the file ends."""
  size = tag.kind.itemsize
  there = (file.seek(0, os.SEEK_END) - tag.start) // size
  file.seek(tag.start)
  data = file.read(max(0, min(tag.count, most, there)) * size)
  return np.frombuffer(data, tag.kind)
