"""Writes tiled, compressed TIFF files with overviews from the top down.

They are cloud optimised: tiles lie in the file in the order in which a viewer
asks for them over a network, the smallest overview first.
"""

from collections.abc import Iterable, Iterator, Sequence
import contextlib
import pathlib
import types
from typing import TYPE_CHECKING
import warnings
import zlib

import numpy as np

from magnet_jax import outside
from magnet_jax.rasters import geo_reader
from magnet_jax.rasters.rasters import Place
from magnet_jax.types import ClassTable, Size

if TYPE_CHECKING:
  from rasterio.io import DatasetReader, DatasetWriter

TILE = 512
_PROFILE = {
  'driver': 'GTiff',
  'tiled': True,
  'blockxsize': TILE,
  'blockysize': TILE,
  # Zstandard is smaller and faster, but many programs cannot read it.
  'compress': 'deflate',
  'BIGTIFF': 'IF_SAFER',
}
_BYTES = {'count': 1, 'dtype': 'uint8'}
# Probabilities as half floats, which TIFF has and GDAL reads as float32.
_HALVES = {'dtype': 'float32', 'nbits': 16, 'predictor': 3, 'nodata': np.nan}


def write(
  path: pathlib.Path,
  strips: Iterable[np.ndarray],
  size: Size,
  *,
  place: Place | None = None,
  classes: ClassTable | None = None,
  bands: Sequence[str] = (),
) -> None:
  """Writes a TIFF; the same bytes for the same pixels of a single band.

  GDAL does not report a disk that is full when the file is closed, so all of
  it is read again and compared. On the way, the disk holds it twice.

  Args:
    path: the file to make.
    strips: uint8 [TILE,W] from the top down; the last holds the rest of H. With
      bands, float32 [TILE,W,C] of half precision, NaN where there is no data.
    size: (H, W).
    place: the georeference, if there is one.
    classes: palette, names and nodata value of labels; None for grey values.
    bands: names of the C bands; () for one of 8 bits.

  Raises:
    InputError: it cannot be written, or rasterio is missing.
  """
  rasterio = geo_reader.rasterio_for(path)
  with geo_reader.environment(rasterio):
    with _writing(path):
      file = _created(
        rasterio, path, size, place=place, classes=classes, bands=bands
      )
    sums = _fill(file, path, strips)
    with _writing(path):
      factors = _overviews(size)
      if factors:
        rule = 'mode' if classes else 'average'
        _add_overviews(rasterio, path, factors, rule)
      _put_in_order(rasterio, path)
      _check(rasterio, path, sums, factors)


def _fill(
  file: 'DatasetWriter', path: pathlib.Path, strips: Iterable[np.ndarray]
) -> list[int]:
  """Writes rows of tiles, closes the file and returns their checksums."""
  sums = []
  try:
    for number, strip in enumerate(strips):
      with _writing(path):
        top = number * TILE
        window = ((top, top + len(strip)), (0, strip.shape[1]))
        layers = np.moveaxis(np.atleast_3d(strip), -1, 0)
        file.write(layers, window=window)
      sums.append(_sum(layers))
  finally:
    with contextlib.suppress(Exception):  # found by the check
      file.close()
  return sums


@contextlib.contextmanager
def _writing(path: pathlib.Path) -> Iterator[None]:
  """Turns whatever GDAL raises into one line."""
  with (
    outside.reading(
      path,
      'cannot be written',
      'free some space or write to another disk',
      why=geo_reader.reason,
    ),
    warnings.catch_warnings(),
  ):
    warnings.simplefilter('ignore')  # that it is not georeferenced
    yield


def _created(
  rasterio: types.ModuleType,
  path: pathlib.Path,
  size: Size,
  *,
  place: Place | None,
  classes: ClassTable | None,
  bands: Sequence[str],
) -> 'DatasetWriter':
  """Creates the file and returns it open, without pixels."""
  height, width = size
  settings: dict[str, object] = {'height': height, 'width': width}
  if place is not None:
    settings |= _georeference(place)
  if bands:
    settings |= {'count': len(bands), **_HALVES}
    file = rasterio.open(path, 'w', **_PROFILE, **settings)
    file.descriptions = bands
    return file
  settings |= _BYTES
  if classes is None:
    return rasterio.open(path, 'w', **_PROFILE, **settings)
  ignored = classes.ignore_label
  file = rasterio.open(path, 'w', nodata=ignored, **_PROFILE, **settings)
  table = {i: (*map(int, c), 255) for i, c in enumerate(classes.palette)}
  file.write_colormap(1, table | {ignored: (0, 0, 0, 0)})
  names = ', '.join(f'{i} {name}' for i, name in enumerate(classes.names))
  file.update_tags(classes=names)
  return file


def _georeference(place: Place) -> dict[str, object]:
  from rasterio import Affine
  from rasterio.control import GroundControlPoint
  from rasterio.crs import CRS

  where: dict[str, object] = (
    {'crs': CRS.from_wkt(place.crs)} if place.crs else {}
  )
  if place.points:
    points = [GroundControlPoint(*point) for point in place.points]
    return where | {'gcps': points}
  return where | {'transform': Affine(*place.transform)}


def _overviews(size: Size) -> list[int]:
  """Returns the factors 2, 4, 8, … at which it still exceeds one tile."""
  factors: list[int] = []
  while max(size) > TILE * 2 ** len(factors):
    factors.append(2 ** (len(factors) + 1))
  return factors


def _add_overviews(
  rasterio: types.ModuleType, path: pathlib.Path, factors: list[int], rule: str
) -> None:
  with (
    rasterio.Env(GDAL_TIFF_OVR_BLOCKSIZE=TILE),
    rasterio.open(path, 'r+') as file,
  ):
    file.build_overviews(factors, rasterio.enums.Resampling[rule])


def _put_in_order(rasterio: types.ModuleType, path: pathlib.Path) -> None:
  """Writes the file again with its tiles in the order of viewers."""
  from rasterio.shutil import copy

  ordered = path.with_name(f'{path.name}.ordered')
  with rasterio.open(path) as file:
    settings = {
      'blocksize': TILE,
      'compress': _PROFILE['compress'],
      'bigtiff': _PROFILE['BIGTIFF'],
      'overviews': 'FORCE_USE_EXISTING',
    }
    if file.dtypes[0] == 'float32':
      settings |= {'nbits': _HALVES['nbits'], 'predictor': 'FLOATING_POINT'}
    try:
      copy(file, ordered, driver='COG', **settings)
      ordered.replace(path)
    finally:
      ordered.unlink(missing_ok=True)


def _check(
  rasterio: types.ModuleType,
  path: pathlib.Path,
  sums: list[int],
  factors: list[int],
) -> None:
  """Raises OSError unless the file holds the tiles that were written."""
  with rasterio.open(path) as file:
    if file.overviews(1) != factors:
      raise OSError('an overview is missing')
    found = [_sum(strip) for _, strip in _tile_rows(file)]
  if found != sums:
    raise OSError('it holds other pixels than were written')
  for level in range(len(factors)):
    with rasterio.open(path, overview_level=level) as file:
      for row, pixels in _tile_rows(file):
        for column in range(-(-pixels.shape[-1] // TILE)):
          # A tile that was never written would be read as nodata.
          name = f'BLOCK_OFFSET_{column}_{row}'
          if not file.get_tag_item(name, 'TIFF', bidx=1):
            raise OSError(f'tile {row}, {column} of an overview is missing')


def _sum(layers: np.ndarray) -> int:
  """The checksum of [bands,h,w]; NaN has more than one form in bits."""
  return zlib.crc32(np.nan_to_num(np.ascontiguousarray(layers), nan=-1).data)


def _tile_rows(file: 'DatasetReader') -> Iterator[tuple[int, np.ndarray]]:
  """Yields the rows of tiles of an open file with their indices."""
  for row, top in enumerate(range(0, file.height, TILE)):
    bottom = min(top + TILE, file.height)
    yield row, file.read(window=((top, bottom), (0, file.width)))
