import pathlib

import numpy as np
import pytest
from scipy import ndimage

from magnet_jax.cascade import released_ops

GOLDEN = pathlib.Path(__file__).parents[1] / 'goldens' / 'operations.npz'


def _maps(size, classes=2, seed=0):
  return np.random.default_rng(seed).random((*size, classes), np.float32)


@pytest.mark.parametrize(
  'name',
  [
    '2048x1024_256x128',
    '2448x2448_612x612',
    '1000x700_256x128',
    '612x612_612x612',
  ],
)
def test_windows_are_the_published_ones(name):
  with np.load(GOLDEN) as golden:
    expected = golden[f'patch_coords_{name}']
  (width, height), window = (
    tuple(int(n) for n in part.split('x')) for part in name.split('_')
  )
  grid = released_ops.grid((height, width), window[::-1])
  # (xmin, ymin, xmax, ymax) as fractions, column by column.
  found = [
    (
      left / width,
      top / height,
      (left + window[0]) / width,
      (top + window[1]) / height,
    )
    for left in grid.lefts
    for top in grid.tops
  ]
  np.testing.assert_allclose(found, expected, atol=1e-12)


def test_an_area_smaller_than_a_window_is_one_window():
  grid = released_ops.grid((5, 30), (8, 8))
  assert grid.window == (5, 8)
  assert (grid.tops, grid.lefts) == ((0,), (0, 7, 14, 21))


@pytest.mark.parametrize('size', [(16, 24), (10, 12)])
def test_roi_align_equals_the_published_one(size):
  with np.load(GOLDEN) as golden:
    maps = np.moveaxis(golden['bilinear_in'], 0, -1)
    boxes = golden['roi_boxes']
    expected = np.moveaxis(golden[f'roi_out_{size[0]}x{size[1]}'], 1, -1)
  for (left, top, right, bottom), wanted in zip(boxes, expected, strict=True):
    found = released_ops.roi_align(maps, (top, left, bottom, right), size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def _slow_roi_align(maps, box, size):
  """Sample by sample, in float64."""
  top, left, bottom, right = box
  sides = max(bottom - top, 1), max(right - left, 1)
  steps = sides[0] / size[0], sides[1] / size[1]
  counts = int(np.ceil(steps[0])), int(np.ceil(steps[1]))
  last = maps.shape[0] - 1, maps.shape[1] - 1
  result = np.zeros((*size, maps.shape[-1]))
  for i, j in np.ndindex(size):
    for a, b in np.ndindex(counts):
      y = min(top + (i + (a + 0.5) / counts[0]) * steps[0], last[0])
      x = min(left + (j + (b + 0.5) / counts[1]) * steps[1], last[1])
      v, u = int(y), int(x)
      down, right_ = min(v + 1, last[0]), min(u + 1, last[1])
      upper = maps[v, u] * (1 - x + u) + maps[v, right_] * (x - u)
      lower = maps[down, u] * (1 - x + u) + maps[down, right_] * (x - u)
      result[i, j] += upper * (1 - y + v) + lower * (y - v)
  return result / (counts[0] * counts[1])


@pytest.mark.parametrize(
  ('box', 'size'),
  [
    ((0, 0, 9, 11), (9, 11)),
    ((0, 0, 9, 11), (4, 3)),
    ((0, 0, 9, 11), (20, 13)),
    ((3, 4, 9, 11), (6, 7)),
    ((2.5, 0.25, 8.75, 3.5), (2, 5)),
    ((8, 10, 9, 11), (3, 1)),
    ((4.25, 3.0, 4.5, 3.0), (2, 2)),
  ],
)
def test_roi_align_equals_the_loop(box, size):
  maps = _maps((9, 11), 3)
  found = released_ops.roi_align(maps, box, size)
  np.testing.assert_allclose(found, _slow_roi_align(maps, box, size), atol=1e-6)


def test_roi_align_of_its_own_size_is_half_a_pixel_off():
  ramp = np.arange(8, dtype=np.float32)[None, :, None].repeat(6, 0)
  found = released_ops.roi_align(ramp, (0, 2, 6, 6), (6, 4))
  np.testing.assert_allclose(found[0, :, 0], [2.5, 3.5, 4.5, 5.5])
  constant = np.full((6, 8, 2), 0.3, np.float32)
  np.testing.assert_allclose(
    released_ops.roi_align(constant, (0, 0, 6, 8), (5, 3)), 0.3, rtol=1e-6
  )


@pytest.mark.parametrize('kernel', [1, 3, 5, 11])
def test_median_with_zeros_around(kernel):
  scores = _maps((7, 9), 1)[..., 0]
  found = released_ops.zero_padded_median(scores, kernel)
  expected = ndimage.median_filter(scores, kernel, mode='constant')
  np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('kernel', [3, 5, 11])
def test_median_equals_the_published_one_up_to_the_edges(kernel):
  with np.load(GOLDEN) as golden:
    scores = golden['score']
    expected = golden[f'median_zero_padded_{kernel}']
  found = released_ops.zero_padded_median(scores, kernel)
  np.testing.assert_array_equal(found, expected)


def test_nearest_picks_the_pixel_below():
  row = np.arange(6)[None].repeat(4, 0)
  assert released_ops.nearest(row, (4, 3))[0].tolist() == [0, 2, 4]
  assert released_ops.nearest(row, (2, 4))[1].tolist() == [0, 1, 3, 4]
  assert released_ops.nearest(row, (1, 9))[0].tolist() == [
    0, 0, 1, 2, 2, 3, 4, 4, 5,
  ]  # fmt: skip
  maps = _maps((5, 7), 3)
  for size in ((5, 7), (3, 20), (11, 2), (1, 1)):
    found = released_ops.nearest(maps, size)
    for i, j in np.ndindex(size):
      expected = maps[i * 5 // size[0], j * 7 // size[1]]
      np.testing.assert_array_equal(found[i, j], expected)


def test_images_are_resized_without_averaging():
  pixels = np.zeros((8, 8, 3), np.uint8)
  pixels[1::4, 1::4] = 200
  # A quarter of a side: the mean of the middle four of sixteen pixels.
  np.testing.assert_array_equal(released_ops.image(pixels, (2, 2)), 50)
  assert released_ops.image(pixels, (8, 8)) is pixels
