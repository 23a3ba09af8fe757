"""Polygons cover the pixels that they were made from."""

import itertools
import json
import sys

import numpy as np
import pytest

from magnet_jax.rasters import geo_labels, polygons, rasters
from magnet_jax.types import ClassTable, InputError

rasterio = pytest.importorskip(
  'rasterio', reason='needs rasterio: pip install "magnet-jax[geo]"'
)
CLASSES = ClassTable(('soil', 'weed'), ((120, 80, 40), (200, 30, 30)))
SIZE = (50, 70)
# Half a degree a pixel, so that the corners can be told in one's head.
PLACE = rasters.Place(
  rasterio.crs.CRS.from_epsg(4326).to_wkt(), (0.5, 0, 10, 0, -0.5, 40)
)


def _labels():
  labels = np.zeros(SIZE, np.uint8)
  labels[10:30, 20:50] = 1
  labels[15:20, 30:40] = 0  # a hole
  labels[40, 60] = 1  # of one pixel
  labels[:5] = 255
  return labels


def _write(folder, labels, place=None, **settings):
  path = folder / 'labels.tif'
  geo_labels.export_labels(
    path, [labels], size=labels.shape, place=place, classes=CLASSES
  )
  out = folder / 'a.geojson'
  count = polygons.write_polygons(out, path, CLASSES, **settings)
  found = json.loads(out.read_text())
  assert found['type'] == 'FeatureCollection'
  assert len(found['features']) == count
  return found


def _drawn(found, to_pixel):
  """The labels that polygons stand for, by the centres of pixels."""
  x, y = np.meshgrid(np.arange(SIZE[1]) + 0.5, np.arange(SIZE[0]) + 0.5)
  labels = np.full(SIZE, 255, np.uint8)
  for feature in found['features']:
    inside = np.zeros(SIZE, bool)
    for ring in feature['geometry']['coordinates']:
      points = [to_pixel(*point) for point in ring]
      for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if y0 != y1:  # a ray to the right crosses the edge
          between = (y > min(y0, y1)) & (y < max(y0, y1))
          inside ^= between & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    assert (labels[inside] == 255).all(), 'polygons overlap'
    labels[inside] = feature['properties']['class']
  return labels


def test_all_pixels_are_in_their_polygon(tmp_path):
  labels = _labels()
  found = _write(tmp_path, labels, smallest=1)
  assert 'pixels: column, row' in found['description']
  np.testing.assert_array_equal(_drawn(found, lambda x, y: (x, y)), labels)
  counts = np.zeros(2, int)
  for told in (feature['properties'] for feature in found['features']):
    counts[told['class']] += told['pixels']
    assert 'square_metres' not in told
  assert counts.tolist() == [(labels == c).sum() for c in (0, 1)]


def test_on_the_earth(tmp_path):
  labels = _labels()
  found = _write(tmp_path, labels, PLACE, smallest=1)
  assert 'longitude, latitude' in found['description']
  drawn = _drawn(found, lambda x, y: ((x - 10) / 0.5, (40 - y) / 0.5))
  np.testing.assert_array_equal(drawn, labels)


def test_a_place_without_a_system(tmp_path):
  """As of a world file."""
  place = rasters.Place('', PLACE.transform)
  found = _write(tmp_path, _labels(), place, smallest=1)
  assert 'whose system is not known' in found['description']
  drawn = _drawn(found, lambda x, y: ((x - 10) / 0.5, (40 - y) / 0.5))
  np.testing.assert_array_equal(drawn, _labels())


def test_other_systems_are_projected(tmp_path):
  crs = rasterio.crs.CRS.from_epsg(32633)
  place = rasters.Place(crs.to_wkt(), (10, 0, 500000, 0, -10, 5500000))
  found = _write(tmp_path, _labels(), place)
  points = np.concatenate(
    [f['geometry']['coordinates'][0] for f in found['features']]
  )
  # The system's meridian is at 15 degrees; 10 km are .09 degrees of latitude.
  np.testing.assert_allclose(points[:, 0].min(), 15, atol=1e-6)
  assert 49.6 < points[:, 1].max() < 49.7
  for told in (feature['properties'] for feature in found['features']):
    assert told['square_metres'] == 100 * told['pixels']
  np.testing.assert_allclose(np.ptp(points[:, 1]), 0.00404, atol=1e-4)


def test_small_regions_join_their_neighbour(tmp_path):
  labels = _labels()
  found = _write(tmp_path, labels, smallest=16)
  assert 'fewer than 16 pixels' in found['description']
  labels[40, 60] = 0
  np.testing.assert_array_equal(_drawn(found, lambda x, y: (x, y)), labels)
  # The field, its hole, and the soil around it.
  assert sorted(f['properties']['name'] for f in found['features']) == [
    'soil',
    'soil',
    'weed',
  ]


def test_rings_turn_as_geojson_wants(tmp_path):
  for place in (None, PLACE):
    for feature in _write(tmp_path, _labels(), place)['features']:
      for i, ring in enumerate(feature['geometry']['coordinates']):
        assert ring[0] == ring[-1]
        x, y = np.array(ring).T
        area = np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])
        assert (area > 0) == (i == 0)


def _read_package(path):
  """Shapes, fields and the reference system of a GeoPackage."""
  shapely = pytest.importorskip('shapely', reason='needs shapely')
  pyogrio = pytest.importorskip('pyogrio', reason='needs pyogrio')
  meta, _, shapes, fields = pyogrio.raw.read(path)
  named = dict(zip(meta['fields'], fields, strict=True))
  return shapely.from_wkb(shapes), named, meta['crs']


def test_a_geopackage_keeps_the_system_of_the_image(tmp_path):
  crs = rasterio.crs.CRS.from_epsg(32633)
  place = rasters.Place(crs.to_wkt(), (10, 0, 500000, 0, -10, 5500000))
  _write(tmp_path, _labels(), place)
  out = tmp_path / 'a.gpkg'
  count = polygons.write_polygons(out, tmp_path / 'labels.tif', CLASSES)
  shapes, fields, system = _read_package(out)
  assert system == 'EPSG:32633' and count == len(shapes) == 3
  assert sorted(fields['name']) == ['soil', 'soil', 'weed']
  assert sorted(fields['colour'])[2] == '#c81e1e'
  areas = [shape.area for shape in shapes]
  assert areas == fields['square_metres'].tolist()
  assert (fields['square_metres'] == 100 * fields['pixels']).all()
  assert max(shape.bounds[2] for shape in shapes) == 500700


@pytest.mark.parametrize('label', [255, 0])
def test_a_geopackage_of_pixels(label, tmp_path):
  pytest.importorskip('pyogrio', reason='needs pyogrio')
  path = tmp_path / 'labels.png'
  labels = np.full(SIZE, label, np.uint8)
  geo_labels.export_labels(path, [labels], size=SIZE, classes=CLASSES)
  out = tmp_path / 'a.gpkg'
  assert polygons.write_polygons(out, path, CLASSES) == (label == 0)
  shapes, fields, system = _read_package(out)
  assert system is None and 'square_metres' not in fields
  assert fields['pixels'].tolist() == [s.area for s in shapes]


@pytest.mark.parametrize('simplify', [0.5, 1.0, 3.0])
def test_simpler_edges_are_still_shared(simplify, tmp_path):
  shapely = pytest.importorskip('shapely', reason='needs shapely')
  pytest.importorskip('pyogrio', reason='needs pyogrio')
  labels = np.random.default_rng(0).integers(0, 2, SIZE).astype(np.uint8)
  labels[20:, 30:] = np.add.outer(np.arange(30), np.arange(40)) > 33
  path = tmp_path / 'labels.png'
  geo_labels.export_labels(path, [labels], size=SIZE, classes=CLASSES)
  corners = []
  for number in (0, simplify):
    out = tmp_path / f'{number}.gpkg'
    polygons.write_polygons(out, path, CLASSES, smallest=1, simplify=number)
    shapes, fields, _ = _read_package(out)
    corners.append(shapely.get_num_coordinates(shapes).sum())
    assert shapely.is_valid(shapes).all()
    # Neither gaps nor overlaps, but where the border of the image is cut off.
    assert shapely.union_all(shapes).area == shapely.area(shapes).sum()
    assert 3480 <= shapely.area(shapes).sum() <= 3500
    assert fields['pixels'].sum() == 3500
  assert corners[1] < corners[0] or simplify < 1


def test_simpler_geojson(tmp_path):
  pytest.importorskip('shapely', reason='needs shapely')
  found = _write(tmp_path, np.tri(*SIZE, dtype=np.uint8), PLACE, simplify=1)
  assert 'Edges are simplified by 1 pixels' in found['description']
  corners = [len(f['geometry']['coordinates'][0]) for f in found['features']]
  assert max(corners) < 8  # of a staircase of 50 steps


def test_nothing_labelled(tmp_path):
  assert _write(tmp_path, np.full(SIZE, 255, np.uint8))['features'] == []


def test_labels_in_a_png(tmp_path):
  path = tmp_path / 'labels.png'
  geo_labels.export_labels(path, [_labels()], size=SIZE, classes=CLASSES)
  out = tmp_path / 'a.json'
  assert polygons.write_polygons(out, path, CLASSES) == 3


def test_what_is_refused(tmp_path, monkeypatch):
  path = tmp_path / 'labels.png'
  geo_labels.export_labels(path, [_labels()], size=SIZE, classes=CLASSES)
  with pytest.raises(InputError, match=r'\.geojson, \.json, \.gpkg'):
    polygons.check_path(tmp_path / 'a.shp')
  with pytest.raises(InputError, match='cannot be written, No such file'):
    polygons.write_polygons(tmp_path / 'no' / 'a.json', path, CLASSES)
  monkeypatch.setattr(polygons, 'MAX_PIXELS', 3499)
  with pytest.raises(InputError, match='50 x 70 pixels are too many'):
    polygons.write_polygons(tmp_path / 'a.json', path, CLASSES)
  monkeypatch.setitem(sys.modules, 'shapely', None)
  with pytest.raises(InputError, match='pyogrio and shapely; pip install'):
    polygons.check_path(tmp_path / 'a.gpkg')
  with pytest.raises(InputError, match='pyogrio and shapely; pip install'):
    polygons.check_path(tmp_path / 'a.json', simplify=1)
  monkeypatch.setitem(sys.modules, 'rasterio', None)
  with pytest.raises(InputError, match='pip install'):
    polygons.check_path(tmp_path / 'a.json')
  assert sorted(p.name for p in tmp_path.iterdir()) == ['labels.png']


@pytest.mark.parametrize(
  ('epsg', 'transform', 'words'),
  [
    (None, (float('nan'), 0, 0, 0, 1, 0), 'leads outside'),
    (4326, (1e308, 1e308, 1e308, 0, 1, 0), 'leads outside'),
    (32633, (1e300, 0, 0, 0, -1e300, 0), 'leads outside|cannot be placed'),
  ],
)
def test_places_outside_of_the_world(epsg, transform, words):
  crs = rasterio.crs.CRS.from_epsg(epsg).to_wkt() if epsg else ''
  with pytest.raises(InputError, match=rf'a\.tif: .*({words}).*; correct its'):
    polygons.check_place('a.tif', SIZE, rasters.Place(crs, transform))


def test_control_points_are_no_transform():
  place = rasters.Place('', (1, 0, 0, 0, 1, 0), ((0, 0, 5, 5, 0),))
  with pytest.raises(InputError, match='has control points'):
    polygons.check_place('a.tif', SIZE, place)
