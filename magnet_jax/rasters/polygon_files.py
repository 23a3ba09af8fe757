"""Files of polygons: GeoJSON and GeoPackage, and simpler outlines."""

from collections.abc import Callable, Iterable, Iterator, Sequence
import dataclasses
import itertools
import json
import pathlib
from typing import TYPE_CHECKING, Any, NamedTuple
import warnings

import numpy as np

from magnet_jax import outside
from magnet_jax.rasters import qgis_styles
from magnet_jax.types import ClassTable, InputError

if TYPE_CHECKING:
  from rasterio.crs import CRS

GEOPACKAGE = '.gpkg'
WORLD = 'EPSG:4326'  # the reference system of GeoJSON
_DIGITS = 9  # of degrees: a tenth of a millimetre
_BATCH = 1000  # polygons that are projected at once

Ring = Sequence[Sequence[float]]  # closed: x and y of each corner
Rings = Sequence[Ring]  # the outer one, then the holes


class Region(NamedTuple):
  """Pixels of one class that touch: their label, number and outline."""

  label: int
  pixels: int
  rings: Rings


@dataclasses.dataclass(frozen=True)
class Layer:
  """What a file says of all polygons.

  Attributes:
    name: of the layer.
    about: a description, with {} for what coordinates are.
    classes: names and colours.
    reference: the coordinate reference system, if there is one.
    square: square metres of a pixel, if the system is projected.
    is_pixels: whether coordinates are columns and rows.
  """

  name: str
  about: str
  classes: ClassTable
  reference: 'CRS | None'
  square: float | None
  is_pixels: bool

  def fields(self, region: Region) -> dict[str, Any]:
    """Returns what is told of a polygon."""
    value, classes = region.label, self.classes
    known = value < len(classes)
    colour = classes.colours[value] if known else (0, 0, 0)
    told: dict[str, Any] = {
      'class': value,
      'name': classes.names[value] if known else str(value),
      'colour': qgis_styles.hexadecimal(colour),
      'pixels': region.pixels,
    }
    if self.square is not None:
      told['square_metres'] = round(region.pixels * self.square, 3)
    return told

  def described(self, system: str) -> str:
    """Returns the description; `system` says what placed coordinates are."""
    if self.is_pixels:
      system = 'pixels: column, row'
    elif self.reference is None:
      system = 'those of the world file, whose system is not known: x, y'
    return self.about.format(system)


Writer = Callable[[pathlib.Path, Iterable[Region], Layer], int]


def writer(path: pathlib.Path) -> Writer:
  """Returns what writes a file of this name: (path, regions, layer) -> count.

  Raises:
    InputError: its suffix is that of no such file.
  """
  found = WRITERS.get(path.suffix.lower())
  if found is None:
    raise InputError(
      f'{path}: polygons are written as GeoJSON or GeoPackage; name a file '
      f'that ends in one of {", ".join(WRITERS)}'
    )
  return found


def packages() -> tuple[Any, Any]:
  """Returns shapely and pyogrio.

  Raises:
    InputError: one is not installed.
  """
  try:
    import pyogrio.raw
    import shapely
  except ImportError as error:
    raise InputError(
      'polygons: GeoPackage and simpler outlines need the packages pyogrio and '
      'shapely; pip install "magnet-jax[geo]"'
    ) from error
  return shapely, pyogrio.raw


def simplified(found: Iterable[Region], pixels: float) -> Iterator[Region]:
  """Yields regions with fewer corners, whose neighbours still share borders.

  By Visvalingam and Whyatt: corners go whose triangle with those beside them is
  smaller than a square of so many pixels a side.

  Args:
    found: regions with corners at those of pixels.
    pixels: above 0.
  """
  shapely, _ = packages()
  regions = list(found)
  # Neighbours share a border if all corners on it are corners of both.
  whole = shapely.segmentize(_shapes(regions), 1)
  simpler = shapely.coverage_simplify(whole, pixels)
  for region, shape in zip(regions, simpler, strict=True):
    if shape.is_empty:
      continue
    rings = [shape.exterior, *shape.interiors]
    lists = [shapely.get_coordinates(ring).tolist() for ring in rings]
    yield region._replace(rings=lists)


def _shapes(regions: Sequence[Region]) -> np.ndarray:
  shapely, _ = packages()
  found = [shapely.Polygon(r.rings[0], r.rings[1:]) for r in regions]
  return np.array(found, object)


def area(ring: Ring) -> float:
  """Returns the area of a closed ring; negative if it is clockwise."""
  pairs = itertools.pairwise(ring)
  return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs) / 2


def _write_geojson(
  path: pathlib.Path, found: Iterable[Region], layer: Layer
) -> int:
  count = 0
  told = layer.described('longitude, latitude')
  with path.open('w') as file:
    file.write(
      f'{{"type":"FeatureCollection","name":{json.dumps(layer.name)},'
      f'"description":{json.dumps(told)},"features":['
    )
    for count, region in enumerate(_projected(found, layer.reference), 1):
      file.write(',\n' if count > 1 else '\n')
      # json.dump writes the same, but several times slower.
      feature = _feature(region, layer)
      file.write(json.dumps(feature, separators=(',', ':')))
    file.write('\n]}\n')
  return count


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
    x, y = transform(reference, WORLD, *zip(*corners, strict=True))
    places = zip(
      np.round(x, _DIGITS).tolist(), np.round(y, _DIGITS).tolist(), strict=True
    )
    for region in batch:
      lengths = map(len, region.rings)
      rings = [list(itertools.islice(places, length)) for length in lengths]
      yield region._replace(rings=rings)


def _feature(region: Region, layer: Layer) -> dict[str, object]:
  turned = [
    # GeoJSON wants the outer ring counterclockwise and the holes clockwise.
    ring if (area(ring) > 0) == (i == 0) else ring[::-1]
    for i, ring in enumerate(region.rings)
  ]
  return {
    'type': 'Feature',
    'properties': layer.fields(region),
    'geometry': {'type': 'Polygon', 'coordinates': turned},
  }


def _write_geopackage(
  path: pathlib.Path, found: Iterable[Region], layer: Layer
) -> int:
  shapely, pyogrio = packages()
  regions = list(found)
  rows = [layer.fields(region) for region in regions]
  empty = Region(0, 0, ())
  names = list(layer.fields(empty))
  columns = [np.array([row[name] for row in rows]) for name in names]
  kinds = [np.array([value]).dtype for value in layer.fields(empty).values()]
  with (
    warnings.catch_warnings(),
    outside.reading(path, 'cannot be written', 'choose another --out'),
  ):
    # An image without a reference system has none here.
    warnings.filterwarnings('ignore', ".*'crs' was not provided")
    pyogrio.write(
      path,
      shapely.to_wkb(_shapes(regions)),
      [
        # Strings must be objects, also where there is none.
        column.astype(object if kind.kind == 'U' else kind)
        for column, kind in zip(columns, kinds, strict=True)
      ],
      names,
      layer=layer.name,
      driver='GPKG',
      dataset_options={'VERSION': '1.2'},  # which older programs read
      geometry_type='Polygon',
      crs=layer.reference.to_wkt() if layer.reference else None,
      layer_options={
        'DESCRIPTION': layer.described('in the reference system of the image')
      },
    )
  return len(regions)


WRITERS: dict[str, Writer] = {
  '.geojson': _write_geojson,
  '.json': _write_geojson,
  GEOPACKAGE: _write_geopackage,
}
