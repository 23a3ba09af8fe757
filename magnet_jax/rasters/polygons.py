"""Writes labels as polygons to GeoJSON, for geographic information systems.

    polygons.write_polygons('fields.geojson', 'labels.tif', classes)

Edges follow the pixels. The only simplification is that small regions join
their largest neighbour; the file states how small. Each polygon has its class,
the name of that, its number of pixels, and its area if the system is projected.
"""

from collections.abc import Iterable, Iterator
import itertools
import json
import os
import pathlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from magnet_jax import outside
from magnet_jax.files import atomic, decoding
from magnet_jax.files.atomic import PathLike
from magnet_jax.rasters import geo, geo_reader
from magnet_jax.rasters.rasters import Place
from magnet_jax.types import ClassTable, InputError, Size

if TYPE_CHECKING:
  from affine import Affine
  from rasterio.crs import CRS

SUFFIXES = ('.geojson', '.json')
MAX_PIXELS = 2**28  # regions of any extent are traced in memory
SMALLEST = 16  # pixels of the smallest region that is kept
_DIGITS = 9  # of degrees: a tenth of a millimetre
_BATCH = 1000  # polygons that are projected at once
_WORLD = 'EPSG:4326'  # the reference system of GeoJSON

Rings = list[list[tuple[float, float]]]  # the outer one, then the holes


class Region(NamedTuple):
  """Pixels of one class that touch: their label, number and outline."""

  label: int
  pixels: int
  rings: Rings


def check_path(path: PathLike) -> pathlib.Path:
  """Raises InputError unless polygons can be written to a file of that name."""
  path = pathlib.Path(path)
  if path.suffix.lower() not in SUFFIXES:
    raise InputError(
      f'{path}: polygons are written as GeoJSON; name a file that ends in '
      f'{" or ".join(SUFFIXES)}'
    )
  geo_reader.rasterio_for(path)
  return path


def write_polygons(
  path: PathLike,
  labels: PathLike,
  classes: ClassTable,
  *,
  smallest: int = SMALLEST,
) -> int:
  """Writes the regions of a label file, whole or not at all.

  Coordinates are longitude and latitude (WGS 84) if the file has a coordinate
  reference system, else those of its transform, or pixels: column, row. Ignored
  pixels are in no polygon.

  Args:
    path: a name that ends in .geojson or .json.
    labels: a TIFF or PNG of class indices.
    classes: the names.
    smallest: pixels of the smallest region that is kept; 1 keeps all.

  Returns:
    The number of polygons.

  Raises:
    InputError: another suffix, labels of more than `MAX_PIXELS` or without a
      transform, rasterio is missing, or the system refuses to write.
  """
  path = check_path(path)
  pixels, transform, reference = _read(decoding.check_file(labels))
  square = _square_metres(transform, reference)
  found = _traced(pixels, classes.ignore_label, smallest, transform)
  with atomic.replacing(path) as temporary, temporary.open('w') as file:
    file.write(_head(path.stem, smallest, _system(transform, reference)))
    count = 0
    for count, region in enumerate(_projected(found, reference), 1):
      file.write(',\n' if count > 1 else '\n')
      # json.dump writes the same, but several times slower.
      feature = _feature(region, classes, square)
      file.write(json.dumps(feature, separators=(',', ':')))
    file.write('\n]}\n')
  return count


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
  pixels: np.ndarray, ignored: int, smallest: int, transform: 'Affine'
) -> Iterator[Region]:
  """Yields each four-connected region, with its corners in the system's."""
  from rasterio import features

  valid = pixels != ignored
  if smallest > 1:
    pixels = features.sieve(pixels, smallest, mask=valid)
  for shape, value in features.shapes(pixels, valid, transform=transform):
    rings: Rings = shape['coordinates']
    outer, *holes = (abs(_area(ring)) for ring in rings)
    covered = (outer - sum(holes)) / 2 / abs(transform.determinant)
    yield Region(int(value), round(covered), rings)


def _projected(
  found: Iterable[Region], reference: 'CRS | None'
) -> Iterator[Region]:
  """Projects to longitude and latitude if there is a reference system."""
  from rasterio.warp import transform

  if reference is None:
    yield from found
    return
  found = iter(found)
  while batch := list(itertools.islice(found, _BATCH)):
    corners = [p for region in batch for ring in region.rings for p in ring]
    # Many at once: transform_geom takes five times as long.
    x, y = transform(reference, _WORLD, *zip(*corners, strict=True))
    places = zip(
      np.round(x, _DIGITS).tolist(), np.round(y, _DIGITS).tolist(), strict=True
    )
    for region in batch:
      lengths = map(len, region.rings)
      rings = [list(itertools.islice(places, length)) for length in lengths]
      yield region._replace(rings=rings)


def _feature(
  region: Region, classes: ClassTable, square: float | None
) -> dict[str, object]:
  value = region.label
  name = classes.names[value] if value < len(classes) else str(value)
  told: dict[str, object] = {'class': value, 'name': name}
  told['pixels'] = region.pixels
  if square is not None:
    told['square_metres'] = round(region.pixels * square, 3)
  turned = [
    # GeoJSON wants the outer ring counterclockwise and the holes clockwise.
    ring if (_area(ring) > 0) == (i == 0) else ring[::-1]
    for i, ring in enumerate(region.rings)
  ]
  return {
    'type': 'Feature',
    'properties': told,
    'geometry': {'type': 'Polygon', 'coordinates': turned},
  }


def _area(ring: list[tuple[float, float]]) -> float:
  """Returns twice the area of a closed ring; negative if it is clockwise."""
  return sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring))


def _system(transform: 'Affine', reference: 'CRS | None') -> str:
  """Returns what coordinates are, in words."""
  if reference is not None:
    return 'longitude, latitude'
  if transform.is_identity:
    return 'pixels: column, row'
  return 'those of the world file, whose system is not known: x, y'


def _head(name: str, smallest: int, system: str) -> str:
  told = (
    f'Coordinates are {system}. Edges follow the pixels; regions of fewer '
    f'than {smallest} pixels are joined to the largest one beside them.'
  )
  return (
    f'{{"type":"FeatureCollection","name":{json.dumps(name)},'
    f'"description":{json.dumps(told)},"features":['
  )
