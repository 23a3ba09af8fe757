"""The plan that baselines follow, whatever that of the cascade is."""

import pytest

from magnet_jax.cascade import settings


@pytest.mark.parametrize(
  ('overlap', 'expected'), [((0.25, 0.0), 0.25), ((), 0.0), (0.1, 0.1)]
)
def test_a_baseline_has_the_largest_overlap_in_all_stages(overlap, expected):
  section = {'first': 0.5, 'last': 0.7, 'factor': 'octave', 'overlap': overlap}
  found = settings.from_the_whole({**section, 'stages': 3})
  assert found == {
    'first': 0.0,
    'last': 1.0,
    'factor': 2.0,
    'overlap': expected,
    'stages': 3,
  }
