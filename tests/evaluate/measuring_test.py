"""One image by one method: the record, its scores and its clock."""

import json
import time

import numpy as np
import pytest
import toy_model

from magnet_jax import types
from magnet_jax.data import classes as class_tables
from magnet_jax.evaluate import measuring
from magnet_jax.methods import method as methods
from magnet_jax.methods import table
from magnet_jax.methods.method import Method

CLASSES = types.ClassTable(
  ('unknown', 'soil', 'leaf'), ((0, 0, 0), (110, 84, 62), (64, 178, 92)), (0,)
)
LABEL = np.array([[1, 1, 2, 2], [1, 1, 2, 255]], np.uint8)
FOUND = np.array([[1, 2, 2, 2], [1, 1, 1, 0]], np.uint8)


def fixed(label, seconds=0.0, windows=3):
  """A method that finds one label in all images."""

  def segment(image, watch=methods.unwatched):
    time.sleep(seconds)
    probabilities = np.eye(3, dtype=np.float32)[label]
    watch(methods.single(probabilities, windows))
    return probabilities, windows

  return Method(segment, lambda size: None)


@pytest.fixture(name='sample')
def make_sample():
  return types.Sample('field', np.zeros((2, 4, 3), np.uint8), LABEL)


def test_a_record_holds_scores_and_costs(sample):
  record, label = measuring.measure(sample, 'mine', fixed(FOUND, 0.02), CLASSES)
  np.testing.assert_array_equal(label, FOUND)
  assert (record['image'], record['method']) == ('field', 'mine')
  assert (record['height'], record['width'], record['windows']) == (2, 4, 3)
  assert record['seconds'] >= 0.02 and record['peak_host_mb'] > 1
  # One pixel is not labelled; class 0 is in no label, and not scored.
  assert record['confusion'] == [[0, 0, 0], [0, 3, 1], [0, 1, 2]]
  assert record['iou'] == [None, pytest.approx(3 / 5), pytest.approx(2 / 4)]
  assert record['miou'] == pytest.approx((3 / 5 + 2 / 4) / 2)
  assert record['pixel_accuracy'] == pytest.approx(5 / 7)
  assert 'category_iou' not in record
  # It is what a file gives back: nothing is lost on the way.
  assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_what_is_watched_is_the_method_s_own(sample):
  results = []
  measuring.measure(sample, 'mine', fixed(FOUND), CLASSES, results.append)
  (result,) = results
  np.testing.assert_array_equal(result.probabilities.argmax(-1), FOUND)
  assert result.stage.size == (2, 4) and result.windows == (0, 1, 2)


def test_without_a_label_there_are_costs_alone(sample):
  bare = types.Sample('field', sample.image)
  record, _ = measuring.measure(bare, 'mine', fixed(FOUND), CLASSES)
  assert set(record) == {
    'image',
    'method',
    'height',
    'width',
    'seconds',
    'windows',
    'peak_host_mb',
  }


def test_a_label_without_a_scored_class_has_no_mean():
  nothing = np.full_like(LABEL, 255)
  found = measuring.score(nothing, FOUND, CLASSES)
  assert found['miou'] is None and found['boundary_iou'] is None
  assert np.sum(found['confusion']) == 0


def test_figures_of_a_matrix_are_those_that_the_classes_have():
  matrix = np.array([[4, 0, 1], [0, 3, 1], [0, 1, 2]])
  found = measuring.of_matrix(matrix, CLASSES)
  assert set(found) == {'pixel_accuracy', 'fwiou', 'miou_known'}
  assert found['pixel_accuracy'] == pytest.approx(9 / 12)
  # Of what is soil or leaf in truth alone: 3 / 5 and 2 / 4.
  assert found['miou_known'] == pytest.approx((3 / 5 + 2 / 4) / 2)
  city = class_tables.get('cityscapes')
  found = measuring.of_matrix(np.eye(len(city), dtype=int), city)
  assert found['category_iou'] == 1


def test_records_come_image_by_image(sample):
  model = toy_model.make()
  samples = [toy_model.sample(seed, (40, 40)) for seed in range(2)]
  chosen = table.make(model, ['patch', 'downsample'])
  found = list(measuring.evaluate(samples, chosen, model.classes))
  assert [(r['image'], r['method']) for r in found] == [
    (f'noise-{seed}', name)
    for seed in range(2)
    for name in ('patch', 'downsample')
  ]
