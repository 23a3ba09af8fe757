"""The boundary F-score against a loop over all pairs of contour pixels."""

import math
import time

import numpy as np
import pytest

from magnet_jax import types
from magnet_jax.metrics import boundary_f


def slow_contour(classes, known, index):
  height, width = classes.shape
  found = []
  for row, column in np.argwhere(known & (classes == index)):
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
      y, x = row + down, column + right
      inside = 0 <= y < height and 0 <= x < width
      if inside and known[y, x] and classes[y, x] != index:
        found.append((row, column))
        break
  return found


def slow(label, prediction, classes, tolerance):
  known = label != 255
  limit = tolerance * math.hypot(*label.shape)
  counts = []
  for index in range(classes):
    truth = slow_contour(label, known, index)
    guess = slow_contour(prediction, known, index)

    def near(ours, other):
      return sum(any(math.dist(a, b) <= limit for b in other) for a in ours)

    counts.append(
      (near(guess, truth), len(guess), near(truth, guess), len(truth))
    )
  return counts


def blobs(shape, classes, seed):
  rng = np.random.default_rng(seed)
  coarse = rng.integers(0, classes, (5, 6)).astype(np.uint8)
  rows = np.arange(shape[0]) * 5 // shape[0]
  columns = np.arange(shape[1]) * 6 // shape[1]
  return coarse[rows][:, columns]


@pytest.mark.parametrize('tolerance', [0, 0.03, 0.1])
@pytest.mark.parametrize('classes', [3, 11])
def test_counts_equal_the_loop_over_pairs(tolerance, classes):
  label = blobs((29, 37), classes, 0)
  prediction = np.roll(label, (2, 1), (0, 1))
  prediction[:9, :20] = blobs((9, 20), classes, 1)
  label[20:25, 3:30] = 255
  found = boundary_f.contour_counts(
    label, prediction, classes, tolerance=tolerance
  )
  assert found.dtype == np.int64
  assert found.tolist() == [
    list(row) for row in slow(label, prediction, classes, tolerance)
  ]


def test_bands_of_rows_do_not_show():
  label = blobs((400, 30), 4, 2)
  prediction = np.roll(label, 3, 0)
  found = boundary_f.contour_counts(label, prediction, 4, tolerance=0.0075)
  assert found.tolist() == [
    list(row) for row in slow(label, prediction, 4, 0.0075)
  ]


@pytest.mark.parametrize('shape', [(1, 1), (1, 30), (30, 1), (2, 2)])
@pytest.mark.parametrize('tolerance', [0, 0.01, 9])
def test_thin_images(shape, tolerance):
  label = np.zeros(shape, np.uint8)
  label.reshape(-1)[: label.size // 2] = 1
  counts = boundary_f.contour_counts(label, label, 3, tolerance=tolerance)
  if label.size == 1:
    assert not counts.any()
  else:
    np.testing.assert_array_equal(counts[:2, ::2], counts[:2, 1::2])
    assert boundary_f.mean_f_score(counts) == 1


def test_scores():
  counts = [[3, 4, 1, 2], [0, 5, 0, 0], [0, 0, 0, 7], [0, 0, 0, 0]]
  scores = boundary_f.f_scores(np.array(counts))
  np.testing.assert_allclose(scores, [0.6, 0, 0, np.nan])
  assert boundary_f.mean_f_score(np.array(counts)) == pytest.approx(0.2)
  assert boundary_f.mean_f_score(np.array(counts), (1, 2)) == pytest.approx(0.6)


def test_a_contour_within_the_tolerance_is_right_and_beyond_it_wrong():
  label = np.zeros((300, 400), np.uint8)  # a diagonal of 500: 3.75 px
  label[:, 200:] = 1
  for shift, expected in ((0, 1), (3, 1), (5, 0)):
    prediction = np.zeros_like(label)
    prediction[:, 200 + shift :] = 1
    counts = boundary_f.contour_counts(label, prediction, 2)
    assert boundary_f.mean_f_score(counts) == expected


def test_the_border_of_the_image_and_of_ignored_ground_is_no_contour():
  label = np.zeros((20, 20), np.uint8)
  label[5:9, 5:9] = 255
  prediction = label.copy()
  prediction[5:9, 5:9] = 1
  counts = boundary_f.contour_counts(label, prediction, 2)
  assert not counts.any()
  assert np.isnan(boundary_f.mean_f_score(counts))


def test_bad_contours_are_named():
  label = np.zeros((4, 4), np.uint8)
  with pytest.raises(types.InputError, match=r'tolerance -0\.1'):
    boundary_f.contour_counts(label, label, 2, tolerance=-0.1)
  with pytest.raises(types.InputError, match='same size'):
    boundary_f.contour_counts(label, label[1:], 2)


def test_contours_of_a_large_image_are_scored_quickly():
  rng = np.random.default_rng(0)
  label = np.kron(
    rng.integers(0, 7, (153, 153)).astype(np.uint8),
    np.ones((16, 16), np.uint8),
  )
  started = time.perf_counter()
  boundary_f.contour_counts(label, np.roll(label, 3, 0), 7)
  assert time.perf_counter() - started < 6  # 0.3 s on an idle core
