"""What is said about the scores at the end of a training."""

import math

import pytest

from magnet_jax.train import curve, pace


def training(scores, every=100):
  """Records of a training with these scores."""
  return [
    {'step': step, 'elapsed': 36.0 * step}
    | ({} if step % every else {'miou': scores[step // every - 1]})
    for step in range(1, every * len(scores) + 1)
  ]


def test_sparkline():
  assert curve.sparkline([0.2, 0.3, 0.9]) == '▁▂█'
  assert curve.sparkline([0.5, 0.5]) == '▁▁'
  many = curve.sparkline(range(1000))
  assert len(many) == 40 and many[0] == '▁' and many[-1] == '█'
  assert list(many) == sorted(many)


RISING = [0.1, 0.3, 0.4, 0.5, 0.508]


@pytest.mark.parametrize(
  ('limits', 'remedy'),
  [
    (
      pace.Limits(500),
      r'--config.train.segmenter.steps=750',
    ),
    (pace.Limits(9000, hours=5.0), r'--config.train.segmenter.hours=7.5'),
    (pace.Limits(9000, patience=3), r'--config.train.segmenter.patience=6'),
  ],
)
def test_a_rise_to_the_end_asks_for_more(limits, remedy):
  first, second = curve.text('segmenter', training(RISING), limits).split('\n')
  assert first == ('segmenter: val mIoU ▁▄▆██ 50.8 at step 500 of 500, kept')
  assert 'rose by 0.8 points in the last fifth' in second
  assert second.endswith(remedy)


@pytest.mark.parametrize(
  ('limits', 'remedy'),
  [
    # More steps need more time, set by the flag that set it before.
    (
      pace.Limits(500, hours=6.0),
      '.steps=750 --config.train.refiner.hours=9',
    ),
    (pace.Limits(500, hours=5.5), '.steps=750 --hours=12'),
    (pace.Limits(9000, hours=5.0), ' --hours=12'),
    (pace.Limits(9000, hours=8.0, patience=3), '.patience=6'),
  ],
)
def test_more_time_is_given_as_it_was(limits, remedy):
  budget = 8.0 if '--hours' in remedy else None
  text = curve.text('refiner', training(RISING), limits, budget=budget)
  assert text.endswith(remedy)


def test_a_curve_that_is_flat_at_the_end_does_not():
  scores = [0.1, 0.52, 0.5, 0.5, 0.522]
  text = curve.text('refiner', training(scores), pace.Limits(500))
  assert '52.2 at step 500' in text and 'no longer rose' in text


def test_too_few_scores_are_not_judged():
  assert '\n' not in curve.text('a', training([0.5]), pace.Limits(100))
  assert '0.0 at step' in curve.text('a', training([0.0]), pace.Limits(100))
  assert curve.text('a', training([None]), pace.Limits(100)) == ''
  assert curve.text('a', training([math.nan]), pace.Limits(100)) == ''
