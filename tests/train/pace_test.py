"""When a training ends, and where it is on its schedule until then."""

import math

import numpy as np
import pytest

from magnet_jax.train import pace
from magnet_jax.types import InputError


class Clock:
  def __init__(self, monkeypatch):
    self.now = 50.0
    monkeypatch.setattr(pace.time, 'perf_counter', lambda: self.now)


def test_by_steps_alone_the_position_is_the_step():
  one = pace.Pace(pace.Limits(7), [])
  assert [one.position(step) for step in range(8)] == list(range(8))


def test_a_budget_of_time_runs_through_the_schedule(monkeypatch):
  clock = Clock(monkeypatch)
  limits = pace.Limits(steps=1000, hours=0.5)
  one = pace.Pace(limits, [])
  positions = []
  for step in range(0, 100, 10):
    positions.append(one.position(step))
    clock.now += 200
  np.testing.assert_allclose(positions[:-1], np.arange(9) * 1000 / 9, rtol=1e-5)
  assert positions[-1] == 1000  # over: 1800 seconds
  # Resumed after 900 seconds, however long ago that was.
  clock.now = 1e6
  again = pace.Pace(limits, [], latest=900)
  assert again.position(45) == pytest.approx(500)
  assert pace.Pace(limits, [], latest=900).position(800) == 800  # steps lead


def follow(one, scores, every=10):
  """Positions after each step of a training that has these scores."""
  found, step = [one.position(0)], 0
  while found[-1] < 1000:
    step += 1
    found.append(one.position(step))
    if step % every == 0:
      one.scored(step, found[-1], scores[min(step // every, len(scores)) - 1])
  return found


def test_without_better_scores_the_rate_falls_early():
  rising = [0.1, 0.2, 0.3, 0.25, 0.4]
  found = follow(pace.Pace(pace.Limits(1000, patience=3), []), rising)
  # The best is that of step 50; three more, and a fifth of 80 steps.
  assert len(found) - 1 == 80 + 16
  np.testing.assert_array_equal(found[:81], np.arange(81))
  np.testing.assert_allclose(np.diff(found[80:]), 920 / 16)


def test_rising_scores_and_no_patience_take_all_steps():
  for limits, scores in (
    (pace.Limits(1000, patience=3), np.arange(100)),
    (pace.Limits(1000), [0.0, math.nan, None]),
  ):
    assert follow(pace.Pace(limits, []), list(scores)) == list(range(1001))


@pytest.mark.parametrize('last', [30, 80, 90])
def test_a_resumed_training_knows_its_scores(last):
  limits = pace.Limits(1000, patience=3)
  scores = [0.1, 0.2, 0.3, 0.25, 0.4, None, 0.1]
  whole = follow(pace.Pace(limits, []), scores)
  finished = [
    {
      'step': step,
      'position': whole[step],
      'miou': scores[min(step // 10, len(scores)) - 1],
    }
    for step in range(10, last + 1, 10)
  ]
  again = pace.Pace(limits, finished)
  after = range(last, min(last + 10, len(whole)))
  assert [again.position(step) for step in after] == [whole[s] for s in after]


@pytest.mark.parametrize(
  ('limits', 'words'),
  [
    ({'steps': 0}, 'steps 0'),
    ({'steps': 1, 'hours': -1.0}, r'hours -1\.0'),
    ({'steps': 1, 'hours': math.nan}, 'hours nan'),
    ({'steps': 1, 'patience': -2}, 'patience -2'),
  ],
)
def test_bad_limits(limits, words):
  with pytest.raises(InputError, match=words):
    pace.Limits(**limits)
