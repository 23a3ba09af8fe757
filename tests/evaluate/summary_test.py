import math

import numpy as np
import pytest
from scipy import stats

from magnet_jax import types
from magnet_jax.evaluate import summary


def record(image, method, miou=0.5, **more):
  values = {
    'image': image,
    'method': method,
    'miou': miou,
    'boundary_iou': 0.4,
    'seconds': 1.0,
    'windows': 1,
    'peak_host_mb': 100.0,
    'confusion': [[8, 2], [0, 10]],
  }
  return values | more


def _pairs(values):
  return [
    entry
    for index, value in enumerate(values)
    for entry in (
      record(str(index), 'magnet', 0.5 + value),
      record(str(index), 'patch', 0.5),
    )
  ]


def test_a_row_names_each_statistic():
  rows = summary.summarise(
    [
      record('a', 'patch', 0.2, seconds=1, windows=4, peak_host_mb=10),
      record('b', 'patch', 0.6, seconds=2, windows=6, peak_host_mb=30),
      record('c', 'patch', None, seconds=9, windows=8, peak_host_mb=20),
      record('a', 'downsample', confusion=[[0, 0], [0, 5]]),
    ]
  )
  assert [row.method for row in rows] == ['downsample', 'patch']
  patch = rows[1]
  assert (patch.images, patch.seconds, patch.windows) == (3, 2, 6)
  assert patch.peak_host_mb == 30
  assert patch.miou == pytest.approx(0.4)
  assert patch.miou_pooled == pytest.approx((8 / 10 + 10 / 12) / 2)
  assert patch.iou == pytest.approx((8 / 10, 10 / 12))
  assert math.isnan(rows[0].iou[0])
  assert rows[0].miou_pooled == 1


def test_unscored_classes_leave_the_pooled_mean():
  (row,) = summary.summarise([record('a', 'patch')], unscored=(0,))
  assert row.miou_pooled == pytest.approx(10 / 12)


def test_images_without_a_label_have_times_only():
  entry = record('a', 'patch', None)
  del entry['confusion'], entry['boundary_iou']
  (row,) = summary.summarise([entry])
  assert row.seconds == 1
  assert row.iou == ()
  assert math.isnan(row.miou)
  assert math.isnan(row.miou_pooled)
  assert math.isnan(row.boundary_iou)


def test_unknown_methods_follow_the_known_ones():
  rows = summary.summarise(
    [record('a', name) for name in ('mine', 'magnet-fast', 'downsample')]
  )
  assert [r.method for r in rows] == ['downsample', 'magnet-fast', 'mine']


def test_the_interval_is_that_of_scipy():
  values = np.random.default_rng(3).gamma(1.0, 0.05, 23)
  found = summary.paired_difference(_pairs(values), 'magnet', 'patch')
  expected = stats.bootstrap(
    (values,), np.mean, n_resamples=10_000, method='BCa', rng=1
  ).confidence_interval
  assert found.n == 23
  assert found.mean == pytest.approx(values.mean())
  assert found.low == pytest.approx(expected.low, abs=2e-3)
  assert found.high == pytest.approx(expected.high, abs=2e-3)
  assert found.excludes_zero


def test_a_seed_repeats_and_the_swap_mirrors():
  records = _pairs([0.1, -0.05, 0.02, 0.2])
  forth = summary.paired_difference(records, 'magnet', 'patch')
  assert forth == summary.paired_difference(records, 'magnet', 'patch')
  back = summary.paired_difference(records, 'patch', 'magnet')
  np.testing.assert_allclose(
    (back.mean, back.low, back.high),
    (-forth.mean, -forth.high, -forth.low),
    atol=5e-3,
  )
  assert not forth.excludes_zero


def test_one_image_has_no_interval_and_equal_ones_no_width():
  one = summary.paired_difference(_pairs([0.25]), 'magnet', 'patch')
  assert one.n == 1
  assert one.mean == pytest.approx(0.25)
  assert math.isnan(one.low)
  assert math.isnan(one.high)
  assert not one.excludes_zero
  same = summary.paired_difference(_pairs([0.25] * 3), 'magnet', 'patch')
  assert same.low == same.high == pytest.approx(0.25)


def test_only_images_with_both_values_are_paired():
  records = _pairs([0.1, 0.3])
  records.append(record('lonely', 'magnet', 0.9))
  records += [record('blank', 'magnet', None), record('blank', 'patch')]
  assert summary.paired_difference(records, 'magnet', 'patch').n == 2
  with pytest.raises(types.InputError, match='no image has both'):
    summary.paired_difference(records, 'magnet', 'downsample')
