"""What benchmarks report, from records."""

import math

import numpy as np
import pytest

from magnet_jax.data import classes
from magnet_jax.evaluate import figures, measuring, tables
from magnet_jax.metrics import boundary_f, confusion

CITY = classes.TABLES['cityscapes']
LAND = classes.TABLES['deepglobe']


def maps(seed, count, size=(30, 40)):
  rng = np.random.default_rng(seed)
  label = np.kron(
    rng.integers(0, count, (3, 4)), np.ones((size[0] // 3, size[1] // 4))
  ).astype(np.uint8)
  prediction = np.roll(label, 2, 0)
  label[:3] = 255
  return label, prediction


def records_of(table, method='magnet'):
  found = []
  for seed in range(3):
    label, prediction = maps(seed, len(table))
    scores = measuring.score(label, prediction, table)
    found.append({'method': method, 'image': str(seed), **scores})
  return found


@pytest.mark.parametrize('table', [CITY, LAND])
def test_figures_are_of_the_sum_over_images(table):
  found = figures.of_records(records_of(table), table)['magnet']
  pairs = [maps(seed, len(table)) for seed in range(3)]
  matrix = sum(confusion.confusion_matrix(*p, len(table)) for p in pairs)
  assert found['miou'] == confusion.mean_iou(matrix, table.unscored)
  assert found['fwiou'] == confusion.frequency_weighted_iou(matrix)
  assert found['pixel_accuracy'] == confusion.pixel_accuracy(matrix)
  by_name = dict(zip(table.names, confusion.iou(matrix), strict=True))
  np.testing.assert_equal(found['iou'], by_name)
  scores = [
    boundary_f.mean_f_score(
      boundary_f.contour_counts(*p, len(table)), table.unscored
    )
    for p in pairs
  ]
  assert found['boundary_f'] == pytest.approx(np.mean(scores))


def test_sets_have_figures_of_their_own():
  city = figures.of_records(records_of(CITY), CITY)['magnet']
  land = figures.of_records(records_of(LAND), LAND)['magnet']
  assert 'category_iou' in city and 'miou_known' not in city
  assert 'miou_known' in land and 'category_iou' not in land
  assert city['category_iou'] > city['miou']
  assert land['miou_known'] >= land['miou']


def test_older_records_and_those_without_labels():
  older = records_of(LAND, 'patch')
  for record in older:
    del record['boundary_f']
  bare = {'method': 'magnet', 'image': 'x'}
  found = figures.of_records([*older, bare], LAND)
  assert list(found) == ['patch']
  assert math.isnan(found['patch']['boundary_f'])
  assert figures.of_records([bare], LAND) == {}


def test_the_table_of_figures():
  found = {
    'patch': {'miou': 0.5, 'fwiou': math.nan, 'iou': {}},
    'magnet': {'miou': 0.25, 'fwiou': 0.125, 'iou': {}},
  }
  lines = tables.figures_text(found).splitlines()
  assert lines[0].split() == ['method', 'mIoU', 'weighted', 'IoU']
  assert lines[2].split() == ['patch', '50.00', '–']
  assert lines[3].split() == ['magnet', '25.00', '12.50']
  assert 'summed over images' in lines[-1]
