"""Reads GeoTIFF and other GDAL formats window by window through rasterio.

    raster = geo.open_file('scene.tif', bands=(4, 3, 2), stretch='2-98')

GDAL keeps at most 48 MB of decoded blocks, so memory does not grow with the
file. Needs `pip install 'magnet-jax[geo]'`.
"""

from collections.abc import Callable, Sequence
import contextlib
import threading
from typing import TYPE_CHECKING

import numpy as np

from magnet_jax.files import decoding
from magnet_jax.files.atomic import PathLike
from magnet_jax.rasters import (
  geo_bands,
  geo_blocks,
  geo_reader,
  rasters,
  stretching,
)
from magnet_jax.rasters.rasters import Area, BadBlockError, Place
from magnet_jax.types import InputError, Size

if TYPE_CHECKING:
  from rasterio import DatasetReader

Scale = Callable[[np.ndarray], np.ndarray]  # [bands,h,w] -> uint8

# A stretch is estimated from all of a small image, else from a lattice of
# squares: their number and their pixels along each side.
_SQUARES, _SQUARE = 32, 32


class GeoRaster:
  """A file that GDAL reads, as 8-bit RGB; opened by `open_file`."""

  def __init__(
    self, reader: geo_reader.Reader, scale: Scale, notes: tuple[str, ...]
  ) -> None:
    """Takes the raw pixels, how they become 8 bits, and notes to the user."""
    self.size = reader.size
    self.block = reader.block
    self.notes = notes
    self._reader, self._scale = reader, scale
    self._lock = threading.Lock()
    self._last: tuple[Area, np.ndarray, np.ndarray | None] | None = None
    self._overviews: list[GeoRaster] = []

  @property
  def in_rows(self) -> bool:
    """Returns whether only reading rows from the top down is cheap."""
    return self.block[1] >= self.size[1] and self.block[0] < self.size[0]

  @property
  def place(self) -> Place | None:
    """Returns the georeference of the file, if it has one."""
    return place(self._reader.dataset)

  def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Reads uint8 [height,width,3] of an area inside; 0 where not valid.

    Raises:
      BadBlockError: a tile or strip there is broken; names the first.
      InputError: the file was changed or removed since it was opened.
    """
    return self._both((top, left, height, width))[0]

  def valid(
    self, top: int, left: int, height: int, width: int
  ) -> np.ndarray | None:
    """Reads bool [height,width], None if all is valid; raises as `read`."""
    if not self._reader.choice.partial:
      return None
    return self._both((top, left, height, width))[1]

  def reduced(self, size: Size) -> 'GeoRaster | None':
    """Returns the smallest overview of at least (height, width), if any."""
    sizes = self._reader.overviews
    level = rasters.smallest(sizes, size)
    if level is None:
      return None
    for known in self._overviews:
      if known.size == sizes[level]:
        return known
    reader = self._reader.overview(level)
    self._overviews.append(GeoRaster(reader, self._scale, self.notes))
    return self._overviews[-1]

  def close(self) -> None:
    """Closes the file."""
    for each in self._overviews:
      each.close()
    self._last = None
    self._reader.dataset.close()

  def _both(self, area: Area) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns pixels and validity; cached, as both are read in turn."""
    with self._lock:
      if self._last is None or self._last[0] != area:
        raw, valid = self._reader(area)
        pixels = self._scale(raw)
        if valid is not None:
          pixels[:, ~valid] = 0
        if len(pixels) == 1:
          pixels = np.repeat(pixels, 3, axis=0)
        pixels = np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
        self._last = area, pixels, valid
      return self._last[1:]


def open_file(
  path: PathLike,
  *,
  bands: Sequence[int] | None = None,
  stretch: stretching.Wanted = 'none',
  max_pixels: int = decoding.MAX_PIXELS,
) -> GeoRaster:
  """Opens an image file; reads its header, and samples for a stretch.

  Args:
    path: of one of `signatures.FORMATS`.
    bands: one or three of its bands, from 1, as red, green, blue; None: the
      one or three that it has besides alpha.
    stretch: how values become 8 bits, see `stretching`.
    max_pixels: largest height * width of its blocks, which are decoded whole.

  Raises:
    InputError: no such file, not one that GDAL reads, no such bands, values
      without a known range, no data, or rasterio is missing.
  """
  path = decoding.check_file(path)
  stretch = stretching.check(stretch)
  dataset = geo_reader.open_dataset(path, max_pixels=max_pixels)
  try:
    # Whatever GDAL says outside of it is printed.
    with geo_reader.environment(geo_reader.rasterio_for(path)):
      choice = geo_bands.choose(dataset, bands, path)
      reader = geo_reader.Reader(path, dataset, choice)
      if dataset.driver == 'GTiff':
        geo_blocks.check_data(path, reader.size, reader)
      scale, notes = _scale(reader, stretch)
      if bands:
        chosen = ', '.join(map(str, bands))
        notes = (f'{path.name}: bands {chosen} as the colours', *notes)
  except BaseException:
    dataset.close()
    raise
  return GeoRaster(reader, scale, notes)


def place(dataset: 'DatasetReader') -> Place | None:
  """Returns the georeference of an open file, if it has one."""
  points, reference = dataset.gcps
  reference = dataset.crs or reference
  transform = tuple(dataset.transform)[:6]
  if not (reference or points) and transform == (1, 0, 0, 0, 1, 0):
    return None
  return Place(
    crs=reference.to_wkt() if reference else '',
    transform=transform,
    points=tuple((p.row, p.col, p.x, p.y, p.z or 0.0) for p in points),
  )


def _scale(
  reader: geo_reader.Reader, wanted: stretching.Wanted
) -> tuple[Scale, tuple[str, ...]]:
  """Returns how raw pixels become 8 bits, and the notes about it."""
  choice, name = reader.choice, reader.path.name
  if choice.dtype == np.uint8 or choice.palette is not None:
    factor = np.uint8(255 // (2**choice.bits - 1))  # 85 for two bits
    note = f'{name}: the stretch is ignored: the pixels have 8 bits'
    return lambda raw: raw * factor, () if wanted == 'none' else (note,)
  if wanted == 'none':
    if choice.dtype != np.uint16:
      raise InputError(
        f'{reader.path}: holds {choice.dtype} pixels of unknown range; choose '
        "a stretch (--stretch), such as '2-98', 'min-max' or LOW,HIGH"
      )
    shift = max(0, choice.bits - 8)
    note = f'{name}: {choice.bits} bits to 8 as value // {2**shift}'
    return lambda raw: (raw >> shift).astype(np.uint8), (note,)
  if not isinstance(wanted, str):
    stretch = stretching.between(*wanted, len(choice.indexes))
    return stretch, (f'{name}: {wanted[0]:g}..{wanted[1]:g} to 0..255',)
  samples = _samples(reader)
  stretch = stretching.estimate(wanted, samples)
  ranges = ', '.join(
    f'band {band} {low:.6g}..{high:.6g}'
    for band, low, high in zip(
      choice.indexes, stretch.low, stretch.high, strict=True
    )
  )
  return stretch, (
    f'{name}: {ranges} to 0..255 ({wanted} of {samples.shape[1]} pixels)',
  )


def _samples(reader: geo_reader.Reader) -> np.ndarray:
  """Reads valid raw pixels [bands,n], all or those of a lattice of squares."""
  height, width = reader.size
  areas = [(0, 0, height, width)]
  if height * width > (_SQUARES * _SQUARE) ** 2:
    rows, columns = min(_SQUARE, height), min(_SQUARE, width)
    tops = np.unique(np.linspace(0, height - rows, _SQUARES).astype(int))
    lefts = np.unique(np.linspace(0, width - columns, _SQUARES).astype(int))
    areas = [(int(t), int(c), rows, columns) for t in tops for c in lefts]
  found = [np.zeros((len(reader.choice.indexes), 0), reader.choice.dtype)]
  for area in areas:
    with contextlib.suppress(BadBlockError):  # reported when it is read
      raw, valid = reader(area)
      found.append(
        raw.reshape(len(raw), -1) if valid is None else raw[:, valid]
      )
  return np.concatenate(found, axis=1)
