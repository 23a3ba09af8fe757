"""Which windows of a stage are refined."""

import pytest

from magnet_jax.cascade import plan, window_choice


def test_most_uncertain_takes_the_unsure_windows_not_the_sure_ones():
  doubts = [0.1, 0.3, 0.1, 0.2, 0.9, 0.0]
  assert window_choice.most_uncertain(doubts, 1) == (4,)
  assert window_choice.most_uncertain(doubts, 3) == (1, 3, 4)
  assert window_choice.most_uncertain(doubts, 0) == ()
  least = sorted(doubts)[-2]
  assert window_choice.most_uncertain(doubts, 6, least) == (1, 4)
  assert window_choice.most_uncertain(doubts, 1, least) == (4,)
  assert window_choice.most_uncertain(doubts, 6, 1.1) == ()
  for count in (6, 7):
    assert window_choice.most_uncertain(doubts, count) == (0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
  ('share', 'expected'),
  [
    (1.0, (1, 4, 16, 64)),
    (0.25, (1, 4, 16, 1)),
    (0.1, (1, 4, 5, 0)),
    (1e-6, (1, 1, 0, 0)),
    (1, (1, 1, 1, 1)),
    (9, (1, 4, 9, 9)),
  ],
)
def test_a_share_goes_to_the_coarse_stages_first(share, expected):
  stages = plan.make_plan((128, 128), window=(16, 16))
  assert window_choice.allot(stages, share) == expected
  assert window_choice.allot(stages[:1], share) == (1,)
