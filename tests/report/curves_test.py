import math

import numpy as np

from magnet_jax.predict import pictures
from magnet_jax.report import curves, drawing
from magnet_jax.report.curves import Curve


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


def test_a_long_legend_takes_more_lines():
  names = [f'experiments/{n}/validation' for n in range(8)]
  places = drawing._legend_places(names, 654)
  for (x, line), name in zip(places, names, strict=True):
    assert x + 18 + drawing.text_width(name) <= 654
    assert 0 <= line < drawing.legend_lines(names, 654)
  assert len(set(places)) == 8
  assert drawing.legend_lines(['a', 'b'], 654) == 1
  series = [Curve(name, (1,), (n,)) for n, name in enumerate(names)]
  found = curves.curves(series, x='x', y='y')
  for number in range(8):  # each has a colour of its own
    assert _has(found, drawing.colour(number))
  assert len({drawing.colour(number) for number in range(8)}) == 8
  low = curves.curves(series[:2], x='x', y='y')
  assert found.pixels.shape[0] > low.pixels.shape[0]


def test_ticks_are_round_and_span_the_values():
  for values in ([0.0], [0.013, 0.2], [-3.2, 41.0], [5.0, 5.0, math.nan]):
    ticks = drawing.ticks(values)
    known = [v for v in values if not math.isnan(v)]
    assert ticks[0] <= min(known) and ticks[-1] >= max(known)
    assert 2 <= len(ticks) <= 7
    assert np.ptp(np.diff(ticks)) < 1e-9
