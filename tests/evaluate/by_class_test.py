"""Scores of each class, and classes that are never predicted."""

import numpy as np
import pytest

from magnet_jax.evaluate import by_class, results
from magnet_jax.metrics import confusion
from magnet_jax.types import ClassTable

CLASSES = ClassTable(
  ('metal', 'oxide', 'crack'), ((0, 0, 0), (9, 9, 9), (99, 9, 9)), (2,)
)
ALL = [[5, 0, 0], [2, 3, 0], [1, 0, 4]]
NONE = [[5, 0, 0], [2, 0, 0], [1, 0, 0]]
ABSENT = [[5, 0, 0], [0, 0, 0], [0, 0, 4]]


def record(method, matrix, image='a'):
  return {
    'image': image,
    'method': method,
    'confusion': matrix,
    'miou': confusion.mean_iou(np.array(matrix)),
  }


def test_a_class_without_pixels_is_not_missed():
  found = [record('patch', ABSENT), record('magnet', NONE)]
  assert by_class.never_predicted(found, CLASSES, ('magnet',)) == {
    'magnet': ['oxide', 'crack'],
    'patch': [],
  }


def test_images_are_summed_before_a_class_counts_as_missed():
  found = [record('patch', NONE), record('patch', ALL, 'b')]
  assert by_class.never_predicted(found, CLASSES) == {'patch': []}
  lines = by_class.text(found, CLASSES).splitlines()
  assert lines[0].split() == ['IoU', '%', 'patch']
  # 10 of 10 + 6, 3 of 7, 4 of 6.
  assert [line.split()[-1] for line in lines[2:]] == ['62.50', '42.86', '66.67']
  assert 'crack (unscored)' in lines[4]


@pytest.mark.parametrize(
  ('matrices', 'line'),
  [
    ({'patch': NONE, 'magnet': NONE}, 'never predicted: oxide, crack'),
    ({'patch': ALL, 'magnet': NONE}, 'by magnet: oxide, crack'),
    ({'patch': ALL, 'magnet': ALL}, ''),
  ],
)
def test_the_line_names_the_methods_if_they_differ(matrices, line):
  found = [record(method, matrix) for method, matrix in matrices.items()]
  text = by_class.text(found, CLASSES)
  assert line in text.splitlines()[-1]
  assert ('never' in text) == bool(line)
  assert text in results.as_text(found, CLASSES, 'magnet')
  content = results.as_json(found, CLASSES, 'magnet')
  assert content['never_predicted'] == by_class.never_predicted(found, CLASSES)


def test_images_without_labels_have_no_table():
  found = [{'image': 'a', 'method': 'patch'}]
  assert not by_class.text(found, CLASSES)
  assert by_class.never_predicted(found, CLASSES) == {}
