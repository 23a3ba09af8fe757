import pathlib
import time

import jax
import numpy as np
import pytest

from magnet_jax import types
from magnet_jax.metrics import confusion

GOLDEN = pathlib.Path(__file__).parents[1] / 'goldens' / 'metrics.npz'


def _maps(shape=(31, 17), classes: int = 5, seed: int = 0):
  rng = np.random.default_rng(seed)
  label = rng.integers(0, classes, shape).astype(np.uint8)
  label[rng.random(shape) < 0.1] = 255
  return label, rng.integers(0, classes, shape).astype(np.uint8)


def _slow(label, prediction, classes):
  matrix = np.zeros((classes, classes), np.int64)
  for t, p in zip(label.reshape(-1), prediction.reshape(-1), strict=True):
    if t != 255:
      matrix[t, p] += 1
  return matrix


@pytest.mark.parametrize('shape', [(31, 17), (1, 1), (700, 500), (0, 4)])
def test_counts_equal_the_loop_on_host_and_device(shape):
  label, prediction = _maps(shape)
  expected = _slow(label, prediction, 5)
  found = confusion.confusion_matrix(label, prediction, 5)
  assert found.dtype == np.int64
  np.testing.assert_array_equal(found, expected)
  on_device = jax.jit(confusion.device_confusion_matrix, static_argnums=(2, 3))(
    label, prediction, 5, 255
  )
  np.testing.assert_array_equal(on_device, expected)


def test_values_equal_the_published_code():
  with np.load(GOLDEN) as golden:
    found = confusion.confusion_matrix(
      golden['cm_label'], golden['cm_prediction'], 7
    )
    np.testing.assert_array_equal(found, golden['cm'])
    np.testing.assert_allclose(confusion.iou(found), golden['cm_iou'])
    assert confusion.mean_iou(found) == pytest.approx(
      float(golden['cm_miou_cityscapes'])
    )
    assert confusion.mean_iou(found, (0,)) == pytest.approx(
      float(golden['cm_miou_deepglobe'])
    )


def test_matrices_merge_by_addition():
  label, prediction = _maps()
  parts = [
    confusion.confusion_matrix(label[rows], prediction[rows], 5)
    for rows in (slice(0, 9), slice(9, None))
  ]
  np.testing.assert_array_equal(
    sum(parts), confusion.confusion_matrix(label, prediction, 5)
  )


def test_absent_classes_are_nan_and_out_of_the_mean():
  label = np.array([[0, 0, 1, 1]], np.uint8)
  prediction = np.array([[0, 1, 1, 1]], np.uint8)
  matrix = confusion.confusion_matrix(label, prediction, 4)
  np.testing.assert_allclose(
    confusion.iou(matrix), [1 / 2, 2 / 3, np.nan, np.nan]
  )
  assert confusion.mean_iou(matrix) == pytest.approx(7 / 12)
  assert confusion.mean_iou(matrix, unscored=(0,)) == pytest.approx(2 / 3)
  assert np.isnan(confusion.mean_iou(np.zeros((3, 3), np.int64)))


def test_ignored_pixels_hide_any_prediction_and_any_value_can_be_ignored():
  label = np.array([[255, 0, 1]], np.uint8)
  prediction = np.array([[200, 0, 0]], np.uint8)
  np.testing.assert_array_equal(
    confusion.confusion_matrix(label, prediction, 2), [[1, 0], [1, 0]]
  )
  np.testing.assert_array_equal(
    confusion.confusion_matrix(label[:, 1:], prediction[:, 1:], 2, 0),
    [[0, 0], [1, 0]],
  )


@pytest.mark.parametrize(
  ('label', 'prediction', 'words'),
  [
    ([[0, 3]], [[0, 0]], 'label value 3'),
    ([[0, 1]], [[0, 9]], 'prediction value 9'),
    ([[0, 1]], [[0]], 'same size'),
  ],
)
def test_bad_maps_are_named(label, prediction, words):
  with pytest.raises(types.InputError, match=words):
    confusion.confusion_matrix(
      np.array(label, np.uint8), np.array(prediction, np.uint8), 3
    )
  with pytest.raises(types.InputError, match='uint8'):
    confusion.confusion_matrix(np.zeros((1, 1)), np.zeros((1, 1)), 3)


def test_a_large_image_is_counted_quickly():
  label, prediction = _maps((2448, 2448), 7)
  started = time.perf_counter()
  confusion.confusion_matrix(label, prediction, 7)
  assert time.perf_counter() - started < 1  # 0.03 s on an idle core
