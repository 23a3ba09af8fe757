"""Boundaries and directions, against SciPy and on shapes with known answers."""

import numpy as np
import pytest
from scipy import ndimage

from magnet_jax.data import directions
from magnet_jax.ops.offsets import DIRECTIONS

LEFT, UP, RIGHT, DOWN = (
  DIRECTIONS.index(each) for each in [(0, -1), (-1, 0), (0, 1), (1, 0)]
)


def _slow(label):
  """Both truths by SciPy's transforms, of labels without ignored pixels."""
  boundary = np.full(label.shape, 255)
  direction = np.full(label.shape, 255)
  kernel = np.array(
    [
      [i / (i * i + j * j) if i or j else 0.0 for i in range(-2, 3)]
      for j in range(-2, 3)
    ]
  )
  for index in np.unique(label):
    inside = label == index
    regions, count = ndimage.label(inside, np.ones((3, 3)))
    sizes = ndimage.sum_labels(inside, regions, range(count + 1))
    kept = inside & (sizes[regions] >= 100)
    distance = ndimage.distance_transform_edt(inside)
    right = ndimage.correlate(distance, kernel, mode='nearest')
    down = ndimage.correlate(distance, kernel.T, mode='nearest')
    degrees = np.degrees(np.arctan2(down, right))
    bins = np.round((degrees + 180) / 45) % 8
    bins[np.hypot(down, right) < 1e-3] = 255
    boundary[kept] = distance[kept] < 6
    direction[kept] = bins[kept]
  return boundary, direction


def _disc(size=61, radius=24.5):
  rows, columns = np.mgrid[:size, :size] - size // 2
  return (np.hypot(rows, columns) <= radius).astype(np.uint8), rows, columns


def test_both_equal_scipy_on_noisy_regions():
  rng = np.random.default_rng(0)
  fields = ndimage.gaussian_filter(rng.normal(size=(4, 80, 100)), (0, 4, 4))
  label = fields.argmax(0).astype(np.uint8)
  label[40:44, 50:60] = 4  # below 100 pixels
  found, expected = directions.truth(label), _slow(label)
  assert (expected[0] == 255).any() and 0.2 < (expected[0] == 1).mean() < 0.9
  np.testing.assert_array_equal(found[0], expected[0])
  # Only where an angle lies between two bins may rounding decide.
  assert (found[1] != expected[1]).mean() < 2e-3


def test_a_half_plane_points_away_from_its_edge():
  label = np.zeros((20, 40), np.uint8)
  label[:, 20:] = 1
  boundary, direction = directions.truth(label)
  columns = np.arange(40)
  # The first pixel on either side is 1 from the other class.
  near = (columns >= 15) & (columns < 25)
  np.testing.assert_array_equal(boundary, np.broadcast_to(near, (20, 40)))
  assert (direction[:, :20] == LEFT).all()
  assert (direction[:, 20:] == RIGHT).all()
  boundary, direction = directions.truth(label.T.copy())
  np.testing.assert_array_equal(boundary, np.broadcast_to(near, (20, 40)).T)
  assert (direction[:20] == UP).all() and (direction[20:] == DOWN).all()


def test_a_disc_points_to_its_centre():
  label, rows, columns = _disc()
  boundary, direction = directions.truth(label)
  radius = np.hypot(rows, columns)
  assert (boundary[(radius < 24.5) & (radius > 21)] == 1).all()
  assert (boundary[radius < 18] == 0).all()
  y, x = np.array(DIRECTIONS)[direction.clip(0, 7)].transpose(2, 0, 1)
  for part, sign in ((label == 1, 1), (label == 0, -1)):
    ring = part & (boundary == 1) & (direction < 8)
    towards = np.arctan2(-sign * rows, -sign * columns)[ring]
    turn = (np.arctan2(y, x)[ring] - towards + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(np.degrees(turn)).max() < 22.5 + 15
    assert np.abs(np.degrees(turn)).mean() < 13


def test_a_square_is_flat_only_at_its_centre_and_square_at_its_sides():
  label = np.zeros((41, 41), np.uint8)
  label[10:31, 10:31] = 1
  boundary, direction = directions.truth(label)
  assert boundary[10:31, 10:31].sum() == 21**2 - 11**2
  assert direction[20, 20] == 255
  sides = [direction[at] for at in [(20, 12), (12, 20), (20, 28), (28, 20)]]
  assert sides == [RIGHT, DOWN, LEFT, UP]
  corner = DIRECTIONS.index((1, 1))
  assert direction[11, 11] == corner


def test_regions_below_100_pixels_are_left_out():
  label = np.zeros((40, 40), np.uint8)
  label[5:14, 5:16] = 1  # 99 pixels
  label[22:32, 5:15] = 1  # 100 pixels
  boundary, direction = directions.truth(label)
  for found in (boundary, direction):
    assert (found[5:14, 5:16] == 255).all()
  assert (boundary[22:32, 5:15] == 1).all()
  # They are another class all the same.
  assert (boundary[:, 16:20][5:14] == 1).all()


def test_ignored_pixels_are_no_outline_and_have_no_truth():
  label = np.zeros((30, 30), np.uint8)
  label[:, 20:] = 1
  whole = directions.truth(label)
  label[3:9, 3:9] = 255
  label[15:18] = 255
  found = directions.truth(label)
  known = label != 255
  for each, expected in zip(found, whole, strict=True):
    assert (each[~known] == 255).all()
    assert (each[known] == expected[known]).mean() > 0.99
  np.testing.assert_array_equal(found[0][:, :14][known[:, :14]], 0)


@pytest.mark.parametrize('shape', [(1, 1), (1, 300), (300, 1), (12, 12)])
def test_one_class_alone_has_no_outline(shape):
  for value in (0, 7):
    boundary, direction = directions.truth(np.full(shape, value, np.uint8))
    expected = 255 if np.prod(shape) < 100 else 0
    assert (boundary == expected).all() and (direction == 255).all()
  boundary, direction = directions.truth(np.full(shape, 255, np.uint8))
  assert (boundary == 255).all() and (direction == 255).all()


def test_another_value_may_stand_for_no_class():
  label = np.zeros((20, 20), np.uint8)
  label[:, :10] = 9
  boundary, _ = directions.truth(label, ignore_label=9)
  assert (boundary[:, :10] == 255).all() and (boundary[:, 10:] == 0).all()
