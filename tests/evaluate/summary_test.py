import math
import random
import statistics
import tracemalloc

import numpy as np
import pytest

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
  assert [row.method for row in rows] == ['patch', 'downsample']
  patch = rows[0]
  assert (patch.images, patch.seconds, patch.windows) == (3, 2, 6)
  assert patch.peak_host_mb == 30
  assert patch.miou == pytest.approx(0.4)
  assert patch.miou_pooled == pytest.approx((8 / 10 + 10 / 12) / 2)
  assert patch.iou == pytest.approx((8 / 10, 10 / 12))
  assert math.isnan(rows[1].iou[0])
  assert rows[1].miou_pooled == 1


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


def test_methods_come_as_ordered_and_others_as_they_appear():
  records = [record('a', name) for name in ('mine', 'patch', 'newer')]
  order = ('patch', 'not measured', 'mine')
  rows = summary.summarise(records, order=order)
  assert [r.method for r in rows] == ['patch', 'mine', 'newer']
  rows = summary.summarise(records)
  assert [r.method for r in rows] == ['mine', 'patch', 'newer']


def _slow_interval(values, corrected, resamples=4000):
  """Efron's BCa interval, or the plain percentiles, one resample at a time."""
  rng, normal = random.Random(1), statistics.NormalDist()
  mean = statistics.fmean(values)
  means = sorted(
    statistics.fmean(rng.choices(values, k=len(values)))
    for _ in range(resamples)
  )
  bias = normal.inv_cdf(sum(m < mean for m in means) / resamples)
  without = [
    statistics.fmean(values[:n] + values[n + 1 :]) for n in range(len(values))
  ]
  apart = [statistics.fmean(without) - each for each in without]
  skew = sum(d**3 for d in apart) / (6 * sum(d**2 for d in apart) ** 1.5)
  bounds = []
  for share in (0.025, 0.975):
    z = bias + normal.inv_cdf(share)
    place = normal.cdf(bias + z / (1 - skew * z)) if corrected else share
    bounds.append(means[int(place * resamples)])
  return bounds


@pytest.mark.parametrize('sign', [1, -1])
def test_the_interval_is_the_bias_corrected_bootstrap(sign):
  # Skewed values: plain percentiles would be elsewhere.
  values = [sign * 0.3 * 0.6**n for n in range(11)]
  found = summary.paired_difference(_pairs(values), 'magnet', 'patch')
  assert found.n == 11
  assert found.mean == pytest.approx(statistics.fmean(values))
  low, high = _slow_interval(values, corrected=True)
  near = 0.04 * (high - low)
  assert found.low == pytest.approx(low, abs=near)
  assert found.high == pytest.approx(high, abs=near)
  plain = _slow_interval(values, corrected=False)
  assert abs(plain[0] - low) + abs(plain[1] - high) > 4 * near
  assert found.excludes_zero and not found.tentative


def test_a_mean_of_many_images_is_sampled_in_blocks():
  scores = np.random.default_rng(0).normal(0.5, 0.1, 2000)
  own = [record(str(n), 'patch', score) for n, score in enumerate(scores)]
  own.append(record('blank', 'patch', None))
  tracemalloc.start()
  low, high = summary.interval(own, 'miou', resamples=2000)
  peak = tracemalloc.get_traced_memory()[1]
  tracemalloc.stop()
  assert peak < 2 * 2000 * 2000 * 8  # of all resamples and their indices
  error = scores.std() / math.sqrt(2000)
  assert low == pytest.approx(scores.mean() - 1.96 * error, abs=0.2 * error)
  assert high == pytest.approx(scores.mean() + 1.96 * error, abs=0.2 * error)


def test_intervals_over_few_images_are_tentative():
  scores = [0.1, 0.2, 0.15, 0.3, 0.12]
  found = [
    summary.paired_difference(_pairs(scores[:n]), 'magnet', 'patch')
    for n in range(1, 6)
  ]
  assert [each.tentative for each in found] == [False, True, True, True, False]


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
  # 0.8 - 0.5 and 0.7 - 0.4 differ in their last bit.
  close = summary.paired_difference(
    _pairs([0.25, 0.25 + 1e-16, 0.25]), 'magnet', 'patch'
  )
  assert close.low == close.high == pytest.approx(0.25)


def test_only_images_with_both_values_are_paired():
  records = _pairs([0.1, 0.3])
  records.append(record('lonely', 'magnet', 0.9))
  records += [record('blank', 'magnet', None), record('blank', 'patch')]
  assert summary.paired_difference(records, 'magnet', 'patch').n == 2
  with pytest.raises(types.InputError, match='no image has both'):
    summary.paired_difference(records, 'magnet', 'downsample')
