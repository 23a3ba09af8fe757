"""Writes labels as polygons, for geographic information systems.

    polygons.write_polygons('fields.geojson', 'labels.tif', classes)

Small regions join their largest neighbour, and edges follow the pixels unless
they are to be simplified. Each polygon has its class, the name and colour of
that, its number of pixels, and its area if the system is projected.
"""

from collections.abc import Iterable, Iterator
import os
import pathlib
from typing import TYPE_CHECKING

import numpy as np

from magnet_jax import outside
from magnet_jax.files import atomic, decoding
from magnet_jax.files.atomic import PathLike
from magnet_jax.rasters import geo, geo_reader, polygon_files
from magnet_jax.rasters.polygon_files import Region, Rings
from magnet_jax.rasters.rasters import Place
from magnet_jax.types import ClassTable, InputError, Size

if TYPE_CHECKING:
  from affine import Affine
  from rasterio.crs import CRS

MAX_PIXELS = 2**28  # regions of any extent are traced in memory
SMALLEST = 16  # pixels of the smallest region that is kept
_WORLD = polygon_files.WORLD


def check_path(path: PathLike, *, simplify: float = 0) -> pathlib.Path:
  """Raises InputError unless polygons can be written to a file of that name."""
  path = pathlib.Path(path)
  polygon_files.writer(path)
  geo_reader.rasterio_for(path)
  if simplify or path.suffix.lower() == polygon_files.GEOPACKAGE:
    polygon_files.packages()
  return path


def write_polygons(
  path: PathLike,
  labels: PathLike,
  classes: ClassTable,
  *,
  smallest: int = SMALLEST,
  simplify: float = 0,
) -> int:
  """Writes the regions of a label file, whole or not at all.

  Coordinates in GeoJSON are longitude and latitude (WGS 84) if the file has a
  coordinate reference system; in a GeoPackage they are in that system. Else
  they are those of its transform, or pixels: column, row. Ignored pixels are in
  no polygon.

  Args:
    path: a name that ends in .geojson, .json or .gpkg.
    labels: a TIFF or PNG of class indices.
    classes: the names and colours.
    smallest: pixels of the smallest region that is kept; 1 keeps all.
    simplify: about how many pixels of detail edges lose; neighbours still share
      theirs, without gaps. 0: none.

  Returns:
    The number of polygons.

  Raises:
    InputError: another suffix, labels of more than `MAX_PIXELS` or without a
      transform, a package is missing, or the system refuses to write.
  """
  path = check_path(path, simplify=simplify)
  pixels, transform, reference = _read(decoding.check_file(labels))
  found = _traced(pixels, classes.ignore_label, smallest)
  if simplify:
    found = polygon_files.simplified(found, simplify)
  edges = (
    f'are simplified by {simplify:g} pixels'
    if simplify
    else 'follow the pixels'
  )
  layer = polygon_files.Layer(
    name=path.stem,
    about=f'Coordinates are {{}}. Edges {edges}; regions of fewer than '
    f'{smallest} pixels are joined to the largest one beside them.',
    classes=classes,
    reference=reference,
    square=_square_metres(transform, reference),
    is_pixels=reference is None and transform.is_identity,
  )
  write = polygon_files.writer(path)
  with atomic.replacing(path) as temporary:
    return write(temporary, _placed(found, transform), layer)


def check_place(name: PathLike, size: Size, place: Place | None) -> None:
  """Checks that the regions of an image can be placed, before it is segmented.

  Args:
    name: of the image or label file, for messages.
    size: (height, width).
    place: its georeference, if it has one.

  Raises:
    InputError: it has more than `MAX_PIXELS`, or a place without a transform
      or outside of what its reference system covers.
  """
  height, width = size
  if height * width > MAX_PIXELS:
    raise InputError(
      f'{os.fspath(name)}: {height} x {width} pixels are too many for '
      f'polygons, at most {MAX_PIXELS}; cut it, as by gdal_translate -srcwin, '
      'or use gdal_polygonize'
    )
  if place is None:
    return
  if place.points:
    raise InputError(
      f'{os.fspath(name)}: has control points, but polygons need a transform; '
      'create one with gdalwarp'
    )
  a, b, c, d, e, f = place.transform
  ends = np.array(
    [(0, 0, 1), (width, 0, 1), (0, height, 1), (width, height, 1)]
  )
  with np.errstate(all='ignore'):  # what is not finite is refused
    x, y = (ends @ np.array([(a, d), (b, e), (c, f)])).T.tolist()
  remedy = 'correct its georeference, as by gdal_edit, or leave out --polygons'
  if place.crs and np.isfinite([x, y]).all():
    from rasterio.warp import transform

    with (
      outside.reading(name, 'cannot be placed', remedy, why=geo_reader.reason),
      geo_reader.environment(geo_reader.rasterio_for(name)),
    ):
      x, y = transform(place.crs, _WORLD, x, y)
  if not np.isfinite([x, y]).all():
    raise InputError(
      f'{os.fspath(name)}: its transform leads outside of its reference '
      f'system; {remedy}'
    )


def _read(path: pathlib.Path) -> tuple[np.ndarray, 'Affine', 'CRS | None']:
  """Reads uint8 [H,W], its transform, and its reference system or None."""
  with geo_reader.open_dataset(path) as file:
    check_place(path, (file.height, file.width), geo.place(file))
    if file.dtypes[0] != 'uint8':
      raise InputError(
        f'{path}: holds {file.dtypes[0]}: labels have 8 bits; choose a label '
        'file'
      )
    with (
      outside.reading(
        path, 'cannot be read', 'write it again', why=geo_reader.reason
      ),
      geo_reader.environment(geo_reader.rasterio_for(path)),
    ):
      return file.read(1), file.transform, file.crs


def _square_metres(
  transform: 'Affine', reference: 'CRS | None'
) -> float | None:
  """Returns the area of a pixel; None where the system is not in metres."""
  if reference is None or not reference.is_projected:
    return None
  _, factor = reference.linear_units_factor
  return float(abs(transform.determinant) * factor**2)


def _traced(
  pixels: np.ndarray, ignored: int, smallest: int
) -> Iterator[Region]:
  """Yields each four-connected region, with its corners in pixels: x, y."""
  from rasterio import features

  valid = pixels != ignored
  if smallest > 1:
    pixels = features.sieve(pixels, smallest, mask=valid)
  for shape, value in features.shapes(pixels, valid):
    rings: Rings = shape['coordinates']
    outer, *holes = (abs(polygon_files.area(ring)) for ring in rings)
    yield Region(int(value), round(outer - sum(holes)), rings)


def _placed(found: Iterable[Region], transform: 'Affine') -> Iterator[Region]:
  """Yields regions with their corners where the image lies."""
  turned = np.array(transform[:6]).reshape(2, 3)
  for region in found:
    rings = (np.array(r) @ turned[:, :2].T + turned[:, 2] for r in region.rings)
    yield region._replace(rings=[ring.tolist() for ring in rings])
