import time

import numpy as np
import pytest

from magnet_jax import types
from magnet_jax.metrics import boundary


def _blobs(shape=(23, 31), classes: int = 4, seed: int = 0):
  rng = np.random.default_rng(seed)
  coarse = rng.integers(0, classes, (4, 5)).astype(np.uint8)
  rows = np.arange(shape[0]) * 4 // shape[0]
  columns = np.arange(shape[1]) * 5 // shape[1]
  return coarse[rows][:, columns]


def _slow_band(mask, width):
  """In the mask, and something within `width` is not (the border is not)."""
  padded = np.pad(mask, width)
  band = np.zeros_like(mask)
  for row, column in np.argwhere(mask):
    square = padded[row : row + 2 * width + 1, column : column + 2 * width + 1]
    band[row, column] = not square.all()
  return band


def _slow(label, prediction, classes, width):
  counts = []
  for index in range(classes):
    truth = _slow_band((label == index) & (label != 255), width)
    guess = _slow_band((prediction == index) & (label != 255), width)
    counts.append([(truth & guess).sum(), (truth | guess).sum()])
  return np.array(counts)


@pytest.mark.parametrize('width', [1, 2, 5, 40])
@pytest.mark.parametrize('ignored', [False, True])
def test_counts_equal_the_loop(width, ignored):
  label, prediction = _blobs(), np.roll(_blobs(seed=1), 2, axis=1)
  prediction[:12] = label[:12]
  if ignored:
    label = label.copy()
    label[5:9, 3:14] = 255
  found = boundary.boundary_counts(label, prediction, 4, width=width)
  assert found.dtype == np.int64
  np.testing.assert_array_equal(found, _slow(label, prediction, 4, width))


@pytest.mark.parametrize('shape', [(1, 1), (1, 30), (30, 1), (2, 2)])
def test_thin_images_are_all_band(shape):
  label = np.zeros(shape, np.uint8)
  counts = boundary.boundary_counts(label, label, 2)
  np.testing.assert_array_equal(counts, [[label.size] * 2, [0, 0]])


def test_a_perfect_map_scores_one_and_absent_classes_nan():
  label = _blobs(classes=3)
  counts = boundary.boundary_counts(label, label, 5, width=2)
  scores = boundary.boundary_iou(counts)
  np.testing.assert_array_equal(scores[:3], 1)
  assert np.isnan(scores[3:]).all()
  assert boundary.mean_boundary_iou(counts) == 1


def test_the_inside_counts_nowhere():
  label = np.zeros((60, 60), np.uint8)
  prediction = label.copy()
  prediction[28:32, 28:32] = 1  # far from the border's band, as is its own band
  counts = boundary.boundary_counts(label, prediction, 2, width=3)
  ring = 60**2 - 54**2
  assert counts[0, 0] == ring
  np.testing.assert_array_equal(counts[1], [0, 16])


def test_an_edge_moved_by_more_costs_more():
  label = np.zeros((80, 80), np.uint8)
  label[:, 40:] = 1
  scores = []
  for shift in (0, 1, 3, 6):
    prediction = np.roll(label, shift, axis=1)
    counts = boundary.boundary_counts(label, prediction, 2, width=4)
    scores.append(boundary.mean_boundary_iou(counts))
  assert scores == sorted(scores, reverse=True)
  assert len(set(scores)) == 4


def test_the_default_width_follows_the_diagonal():
  assert boundary.default_width((2448, 2448)) == 9
  assert boundary.default_width((1, 5)) == 1


def test_bad_input_is_named():
  label = np.zeros((4, 4), np.uint8)
  with pytest.raises(types.InputError, match='width 0'):
    boundary.boundary_counts(label, label, 2, width=0)
  with pytest.raises(types.InputError, match='same size'):
    boundary.boundary_counts(label, label[1:], 2)


def test_a_large_image_is_scored_quickly():
  rng = np.random.default_rng(0)
  label = np.kron(
    rng.integers(0, 7, (153, 153)).astype(np.uint8),
    np.ones((16, 16), np.uint8),
  )
  started = time.perf_counter()
  boundary.boundary_counts(label, np.roll(label, 3, 0), 7)
  assert time.perf_counter() - started < 3  # 0.1 s on an idle core
