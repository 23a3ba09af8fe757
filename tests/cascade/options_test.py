import math

import pytest

from magnet_jax.cascade.options import Options
from magnet_jax.types import InputError


@pytest.mark.parametrize(
  'settings',
  [
    {},
    {'points': 0},
    {'points': 65536},
    {'points': 1.0},
    {'kernel': 1},
    {'windows': 1},
    {'windows': 0.25},
    {'window_score': 'mean'},
    {'min_uncertainty': 1.0},
    {'selection': 'image', 'batch': 8},
    {'filter_radius': 256},
  ],
)
def test_accepts(settings):
  Options(**settings)


@pytest.mark.parametrize(
  'settings',
  [
    {'points': -1},
    {'points': 1.5},
    {'points': math.nan},
    {'selection': 'stage'},
    {'kernel': 4},
    {'kernel': 0},
    {'filter_radius': -1},
    {'filter_radius': 257},
    {'windows': 0},
    {'windows': -0.5},
    {'windows': 1.5},
    {'windows': math.nan},
    {'window_score': 'chance'},
    {'min_uncertainty': -0.1},
    {'min_uncertainty': 1.1},
    {'min_uncertainty': math.nan},
    {'batch': -1},
  ],
)
def test_refuses(settings):
  with pytest.raises(InputError, match=str(next(iter(settings.values())))):
    Options(**settings)
