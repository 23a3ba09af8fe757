"""Planes on disk: zarr arrays in which every tile is a chunk of its own.

A tile is written whole, to a new file that replaces the old one: a killed
process leaves every tile either as it was or complete. As chunks have one size
and tiles do not, the array has gaps that are never filled. Flushing pages to
the disk is left to the system: they survive the process, not a power cut.
"""

import functools
import io
import os
import pathlib
import re
from typing import Any

import numpy as np

from magnet_jax.cascade import quantised
from magnet_jax.cascade.tiling import Tiles
from magnet_jax.files import atomic
from magnet_jax.types import InputError, Size

CACHE = 16_000_000  # bytes of decoded tiles to keep, for all planes together


class OnDisk:
  """A plane as a zarr array, written tile by tile.

  Reading a tile that was written and is gone, because somebody removed the
  run's folder, is an error.

  Args:
    folder: of the array; made if missing, with its parents.
    tiles: along rows and columns.
    channels: values per pixel; 0 for a plane [H,W].
    kind: 'uint8' or 'uint16' to quantise probabilities, which must sum to 1 at
      each pixel, 'float32' to keep them as they are, or 'bytes' for plain
      uint8.
    sparse: whether tiles may be missing; they are read as 0.

  Raises:
    InputError: from all methods: reading or writing fails.
  """

  def __init__(
    self,
    folder: pathlib.Path,
    tiles: tuple[Tiles, Tiles],
    channels: int,
    kind: str,
    *,
    sparse: bool = False,
  ):
    self._folder = folder
    self._sparse = sparse
    self._tiles = tiles
    self._channels = (channels,) if channels else ()
    self._scale = quantised.SCALES.get(kind)
    self._type = np.dtype('uint8' if kind == 'bytes' else kind)
    self._writes: list[Any] = []
    with self._errors():
      self._array = _open(
        folder,
        shape=(tiles[0].stored, tiles[1].stored, *self._channels),
        chunk=(tiles[0].chunk, tiles[1].chunk, *self._channels),
        kind=self._type,
      )

  @property
  def size(self) -> Size:
    """(height, width)."""
    return self._tiles[0].length, self._tiles[1].length

  def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Reads a rectangle: [height,width,...]."""
    found = np.empty((height, width, *self._channels), self._type)
    places = self._parts(top, left, height, width)
    with self._errors():
      # All are begun before the first is awaited: chunks decode in parallel.
      reads = [(to, self._array[place].read()) for place, to in places]
      for to, part in reads:
        found[to] = part.result()
    if not self._sparse:  # after reading: what is there now was there then
      self._check_there([place for place, _ in places])
    if self._scale is None:
      return found
    return quantised.decode(found, self._scale)

  def write(self, top: int, left: int, values: np.ndarray) -> None:
    """Starts writing a tile; `flush` waits for it."""
    if self._scale is not None:
      values = quantised.encode(values, self._scale)
    values = values.astype(self._type, copy=False)
    with self._errors():
      for place, part in self._parts(top, left, *values.shape[:2]):
        self._writes.append(self._array[place].write(values[part]))

  def flush(self) -> None:
    """Waits until everything is written."""
    with self._errors():
      while self._writes:
        self._writes.pop().result()

  def _parts(
    self, top: int, left: int, height: int, width: int
  ) -> list[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    return [
      ((row, column), (to_row, to_column))
      for row, to_row in self._tiles[0].parts(top, height)
      for column, to_column in self._tiles[1].parts(left, width)
    ]

  def _check_there(self, places: list[tuple[slice, slice]]) -> None:
    """Raises InputError for a tile without a file: zarr would read 0."""
    rows, columns = (axis.chunk for axis in self._tiles)
    inner = ['0'] if self._channels else []
    for place in places:
      for i in range(place[0].start // rows, (place[0].stop - 1) // rows + 1):
        for j in range(
          place[1].start // columns, (place[1].stop - 1) // columns + 1
        ):
          file = self._folder.joinpath('c', str(i), str(j), *inner)
          if not file.exists():
            raise InputError(
              f'{file}: is missing: tiles must stay until the run ends; '
              f'remove {self._folder.parent} to start again'
            )

  def _errors(self) -> 'DiskErrors':
    return DiskErrors(self._folder)


def _open(
  folder: pathlib.Path,
  *,
  shape: tuple[int, ...],
  chunk: tuple[int, ...],
  kind: np.dtype[Any],
) -> Any:
  import tensorstore as ts
  # Imported late: it takes its time, and runs in memory do without it.

  encoding: list[dict[str, Any]] = [{'name': 'bytes'}]
  if kind.itemsize > 1:
    encoding[0]['configuration'] = {'endian': 'little'}
  # LZ4 takes a tenth of the time of the others, and maps of uncertain networks
  # hardly shrink with any.
  encoding.append(
    {
      'name': 'blosc',
      'configuration': {
        'cname': 'lz4',
        'clevel': 5,
        'shuffle': 'shuffle',
        'typesize': kind.itemsize,
        'blocksize': 0,
      },
    }
  )
  spec = {
    'driver': 'zarr3',
    # Resolved, as the library rejects paths with '..'.
    'kvstore': {'driver': 'file', 'path': os.fspath(folder.resolve())},
    'metadata': {
      'shape': list(shape),
      'data_type': kind.name,
      'chunk_grid': {
        'name': 'regular',
        'configuration': {'chunk_shape': list(chunk)},
      },
      'codecs': encoding,
    },
    # Another run in this process may have used the same folder.
    'recheck_cached_data': 'open',
    'recheck_cached_metadata': 'open',
    # Chunks of zeros get a file too, so that a missing file means removed.
    'store_data_equal_to_fill_value': True,
  }
  return ts.open(spec, context=_context(), open=True, create=True).result()


@functools.cache
def _context() -> Any:
  """One for all planes, so that they share the cache."""
  import tensorstore as ts

  return ts.Context(
    {'cache_pool': {'total_bytes_limit': CACHE}, 'file_io_sync': False}
  )


class DiskErrors:
  """Turns errors in a run's folder into one-line InputErrors."""

  def __init__(self, folder: pathlib.Path):
    self._folder = folder

  def __enter__(self) -> None:
    """Nothing to prepare."""

  def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
    if error is None or isinstance(error, InputError):
      return
    # The library has no error codes, only texts, which differ by operation.
    found = re.search(r"(?:OS error |os_error_code=')(\d+)", str(error))
    if found:
      number = int(found[1])
      reason = OSError(number, os.strerror(number))
      raise atomic.write_error(self._folder, reason) from error
    if isinstance(error, OSError):
      raise atomic.write_error(self._folder, error) from error
    if isinstance(error, ValueError):
      words = ' '.join(str(error).split())[:200]
      raise InputError(
        f'{self._folder}: is damaged ({words}); remove '
        f'{self._folder.parent} to start again'
      ) from error


class WaitingOnDisk:
  """Parts of windows that wait for their tiles, one file each.

  A part stays after it was taken: a tile that was not recorded as finished
  is made again.

  Args:
    folder: made if missing.
  """

  def __init__(self, folder: pathlib.Path):
    self._folder = folder
    with DiskErrors(folder):
      folder.mkdir(exist_ok=True)

  def put(self, tile: int, window: int, values: np.ndarray) -> None:
    """Writes float32 [h,w,C]."""
    encoded = io.BytesIO()  # writing from `save` hides why the disk refuses
    np.save(encoded, values)
    with DiskErrors(self._folder):
      self._file(tile, window).write_bytes(encoded.getbuffer())

  def take(self, tile: int, window: int) -> np.ndarray:
    """Reads a part."""
    with DiskErrors(self._folder):
      values: np.ndarray = np.load(self._file(tile, window))
    return values

  def forget(self, tiles: range) -> None:
    """Removes the parts for tiles that are finished."""
    for tile in tiles:
      for file in self._folder.glob(f'{tile}_*.npy'):
        file.unlink(missing_ok=True)

  def _file(self, tile: int, window: int) -> pathlib.Path:
    return self._folder / f'{tile}_{window}.npy'
