"""Which windows of a stage are refined."""

import pytest

from magnet_jax.cascade import plan, window_choice


def test_highest_takes_the_windows_of_highest_score():
  scores = [0.1, 0.3, 0.1, 0.2, 0.9, 0.0]
  assert window_choice.highest(scores, 1) == (4,)
  assert window_choice.highest(scores, 3) == (1, 3, 4)
  assert window_choice.highest(scores, 0) == ()
  for count in (6, 7):
    assert window_choice.highest(scores, count) == (0, 1, 2, 3, 4, 5)


def test_highest_spends_nothing_on_windows_that_are_certain():
  scores = [0.1, 0.3, 0.1, 0.2, 0.9, 0.0]
  doubts = [0.5, 0.6, 0.7, 0.8, 0.1, 0.9]
  found = [
    window_choice.highest(scores, 2, doubts=doubts, least=least)
    for least in (0.0, 0.5, 0.7, 0.9, 1.0)
  ]
  assert found == [(1, 4), (1, 3), (2, 3), (5,), ()]


@pytest.mark.parametrize(
  ('share', 'expected'),
  [
    (1.0, (1, 4, 16, 64)),
    (0.25, (1, 4, 16, 1)),
    (0.1, (1, 4, 5, 0)),
    (1e-6, (1, 1, 0, 0)),
    (1, (1, 1, 1, 1)),
    (9, (1, 4, 9, 9)),
    ((0.25,), (1, 1, 4, 16)),
    ((0.5, 0.1), (1, 2, 2, 7)),
    ((1.0, 3, 0.0, 0.5), (1, 4, 3, 0)),
  ],
)
def test_a_share_goes_to_the_coarse_stages_first_or_to_each(share, expected):
  stages = plan.make_plan((128, 128), window=(16, 16))
  assert window_choice.allot(stages, share) == expected
  assert window_choice.allot(stages[:1], share) == (1,)
