import math

import numpy as np
import pytest

from magnet_jax.evaluate import summary
from magnet_jax.predict import pictures
from magnet_jax.report import charts, drawing


def _is(pixels, colour):
  return (pixels == np.array(colour)).all(-1)


def test_bars_are_as_long_as_their_values():
  values = (0.25, 1.0), (0.0, 0.5), (math.nan, 0.75)
  groups = [charts.Group(f'class {n}', None, v) for n, v in enumerate(values)]
  pixels = charts.bars(groups, ['one', 'two'], title='IoU').pixels
  # Below the title and the axis the groups are equally high.
  rows = np.array_split(pixels[132:-12], 3)
  for series in (0, 1):
    lengths = [
      int(_is(row, drawing.colour(series)).any(0).sum()) for row in rows
    ]
    expected = [1000 * np.nan_to_num(value[series]) for value in values]
    np.testing.assert_allclose(lengths, expected, atol=8)


def test_intervals_lie_where_they_should():
  found = [
    summary.Difference(0.04, 0.02, 0.06, 9),
    summary.Difference(-0.04, -0.06, -0.02, 9),
    summary.Difference(0.0, -0.02, 0.02, 9),
    None,
  ]
  picture = charts.intervals(['a', 'b', 'c', 'd'], [('mIoU', found)])
  rows = np.array_split(picture.pixels[80 : 80 + 4 * 52], 4)
  up, down, flat = (
    np.flatnonzero(_is(row, colour).any(0))
    for row, colour in zip(
      rows, (charts._ABOVE, charts._BELOW, pictures.QUIET), strict=False
    )
  )
  middle = flat.mean()
  assert up.mean() - middle == pytest.approx(middle - down.mean(), abs=2)
  assert up.mean() > middle + 100
  for colour in (charts._ABOVE, charts._BELOW, pictures.QUIET):
    assert not _is(rows[3], colour).any()


@pytest.mark.parametrize('ends', [(0, 0), (1e-7, 3e-7), (-0.9, 1), (0.1, 0.1)])
def test_ticks_span_the_intervals_and_zero(ends):
  low, high = ends
  ticks = charts._ticks([summary.Difference((low + high) / 2, low, high, 5)])
  assert 2 <= len(ticks) <= 8
  assert 0 in ticks
  assert ticks[0] <= 100 * low + 1e-9
  assert ticks[-1] >= 100 * high - 1e-9
