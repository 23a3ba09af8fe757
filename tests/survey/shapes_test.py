"""Shapes of annotation tools become the pixels that they cover."""

import importlib.util
import itertools

import cv2
import numpy as np
import pytest

from magnet_jax.survey import shapes

SIZE = (40, 60)
RNG = np.random.default_rng(0)


def whole(mask, size=SIZE):
  found = np.zeros(size, bool)
  rows, columns = mask.pixels.shape
  found[mask.top : mask.top + rows, mask.left : mask.left + columns] = (
    mask.pixels
  )
  return found


def slow_polygon(corners, size=SIZE):
  """Counts the edges to the right of each pixel's centre."""
  inside = np.zeros(size, bool)
  for row in range(size[0]):
    for column in range(size[1]):
      x, y = column + 0.5, row + 0.5
      for (x0, y0), (x1, y1) in zip(
        corners, np.roll(corners, -1, 0), strict=True
      ):
        if min(y0, y1) <= y < max(y0, y1):
          inside[row, column] ^= x0 + (y - y0) / (y1 - y0) * (x1 - x0) > x
  return inside


def polygons():
  for count in (3, 4, 7, 30):
    yield RNG.uniform(-20, 70, (count, 2))  # crosses itself and the border


@pytest.mark.parametrize('corners', [*polygons()])
def test_a_pixel_is_inside_if_its_centre_is(corners):
  found = whole(shapes.polygon(corners, SIZE))
  np.testing.assert_array_equal(found, slow_polygon(corners))


def test_a_rectangle_of_whole_pixels():
  corners = np.array([(5, 3), (9, 3), (9, 8), (5, 8)])
  mask = shapes.polygon(corners, SIZE)
  assert mask.pixels.shape == (5, 4) and mask.pixels.all()
  assert (mask.top, mask.left) == (3, 5)


def test_neighbours_share_their_border():
  """Triangles of a fan around a point cover their polygon once."""
  turn = np.linspace(0, 2 * np.pi, 12)
  ring = np.stack([np.cos(turn), np.sin(turn)], -1) * 17.3 + (30, 20)
  times = np.zeros(SIZE, int)
  for one, other in itertools.pairwise(ring):
    times += whole(shapes.polygon(np.array([(30, 20), one, other]), SIZE))
  np.testing.assert_array_equal(times, slow_polygon(ring[:-1]).astype(int))


def test_opencv_draws_the_border_as_well():
  corners = np.array([(5.2, 3.1), (52.7, 11.8), (20.4, 35.3)])
  theirs = np.zeros(SIZE, np.uint8)
  cv2.fillPoly(theirs, [np.round(corners - 0.5).astype(int)], 1)
  ours = whole(shapes.polygon(corners, SIZE))
  assert (theirs[ours] == 1).mean() > 0.95
  assert theirs.sum() > ours.sum()


@pytest.mark.skipif(
  not importlib.util.find_spec('rasterio'),
  reason='needs rasterio: pip install "magnet-jax[geo]"',
)
def test_as_gdal_does():
  from rasterio import features

  turn = np.sort(RNG.uniform(0, 2 * np.pi, 11))
  ring = np.stack([np.cos(turn), np.sin(turn)], -1) * (25, 15) + (30, 20)
  shape = {'type': 'Polygon', 'coordinates': [[*ring.tolist(), ring[0]]]}
  theirs = features.rasterize([shape], SIZE).astype(bool)
  np.testing.assert_array_equal(whole(shapes.polygon(ring, SIZE)), theirs)


@pytest.mark.parametrize(
  ('corners', 'words'),
  [
    ([(0, 0), (1, 1)], 'fewer than three'),
    ([0, 0, 1, 1], 'fewer than three'),
    ([(0, 0), (1, 1), (float('nan'), 0)], 'far outside'),
    ([(0, 0), (1, 1), (1e9, 0)], 'far outside'),
  ],
)
def test_polygons_that_are_none(corners, words):
  with pytest.raises(ValueError, match=words):
    shapes.polygon(np.array(corners), SIZE)


def test_a_polygon_beside_the_image():
  corners = np.array([(70.0, 0), (80, 0), (80, 9)])
  assert not shapes.polygon(corners, SIZE).pixels.size


def test_run_lengths_by_hand():
  # Column by column: 1 zero, 2 ones, 3 zeros of an image of 2 rows.
  expected = np.array([[0, 1, 0], [1, 0, 0]], bool)
  mask = shapes.runs([1, 2, 3], (2, 3))
  np.testing.assert_array_equal(mask.pixels, expected)


def test_run_lengths_as_text():
  # Written by pycocotools 2.0.11, mask.encode.
  row, column = np.mgrid[:7, :9]
  mask = shapes.runs('049MI3ON850JI3ON4', (7, 9))
  np.testing.assert_array_equal(mask.pixels, (row // 2 + 2 * column) % 5 < 2)


@pytest.mark.parametrize(
  'counts', [[1, 2], [-1, 7], [True, 5], [6.0], '0!', '0o', 'o', '']
)
def test_run_lengths_that_are_none(counts):
  with pytest.raises(ValueError, match='run lengths'):
    shapes.runs(counts, (2, 3))


# By label_studio_sdk 2.1.2, converter.brush.mask2rle, of rows 1 and 2 and
# columns 2 to 5 of an image of 5 x 7.
BRUSH = [0, 0, 0, 140, 57, 27, 254, 35, 0, 191, 255, 108, 2, 255, 254, 59, 0, 0]


def test_a_brush():
  expected = np.zeros((5, 7), bool)
  expected[1:3, 2:6] = True
  mask = shapes.brush(BRUSH, (5, 7))
  np.testing.assert_array_equal(mask.pixels, expected)


@pytest.mark.parametrize(
  ('data', 'words'),
  [
    (BRUSH[:-4], 'cut off'),
    ([], 'cut off'),
    ([*BRUSH[:3], 141, *BRUSH[4:]], 'not that of its image'),
    ([*BRUSH[:-1], 256], 'not made of bytes'),
    (['0'], 'not made of bytes'),
  ],
)
def test_brushes_that_are_none(data, words):
  with pytest.raises(ValueError, match=words):
    shapes.brush(data, (5, 7))
