import math

import numpy as np

from magnet_jax.evaluate.showing import curves, drawing, pictures
from magnet_jax.evaluate.showing.curves import Curve


def _has(picture, colour) -> bool:
  return bool((picture.pixels == np.array(colour)).all(-1).any())


def test_every_series_is_drawn_in_its_colour():
  found = curves.curves(
    [
      Curve('a', (1, 2, 4), (10.0, 20.0, 25.0), ('x', '', 'y')),
      Curve('b', (1, 3), (12.0, math.nan)),
    ],
    x='windows',
    y='mIoU %',
    start=0,
  )
  assert found.pixels.dtype == np.uint8
  assert found.pixels.ndim == 3
  for number in (0, 1):
    assert _has(found, drawing.colour(number))
  assert not _has(found, drawing.colour(2))
  assert _has(found, pictures.PAPER)


def test_one_point_and_equal_values():
  found = curves.curves([Curve('a', (3,), (0.5,))], x='x', y='y')
  assert _has(found, drawing.colour(0))


def test_ticks_are_round_and_span_the_values():
  for values in ([0.0], [0.013, 0.2], [-3.2, 41.0], [5.0, 5.0, math.nan]):
    ticks = drawing.ticks(values)
    known = [v for v in values if not math.isnan(v)]
    assert ticks[0] <= min(known) and ticks[-1] >= max(known)
    assert 2 <= len(ticks) <= 7
    assert np.ptp(np.diff(ticks)) < 1e-9
