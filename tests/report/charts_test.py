import math

import numpy as np
import pytest

from magnet_jax.evaluate.summary import Difference
from magnet_jax.report import charts, style


def _is(pixels, colour):
  return (pixels == np.array(list(bytes.fromhex(colour[1:])))).all(-1)


def test_bars_are_as_long_as_their_values():
  values = (0.25, 1.0), (0.0, 0.5), (math.nan, 0.75)
  groups = [charts.Group(f'class {n}', None, v) for n, v in enumerate(values)]
  pixels = charts.bars(groups, ['one', 'two'], title='IoU').pixels
  # The axes are 1040 pixels wide, and everything ends with them.
  for series in (0, 1):
    wide = _is(pixels, style.colour(series))
    # Of the legend, which has the same colour, and of three groups.
    tall = np.split(wide, np.flatnonzero(np.diff(wide.any(1))) + 1)
    lengths = [int(rows.any(0).sum()) for rows in tall if rows.any()][1:]
    expected = [v[series] for v in values if v[series] > 0]
    np.testing.assert_allclose(lengths, 1040 * np.array(expected), atol=3)


def test_bars_are_named_and_numbered(figure):
  groups = [
    charts.Group('road', (1, 2, 3), (0.256, math.nan)),
    charts.Group('tree', None, (0.0, 1.0)),
  ]
  made = charts.bars(
    groups, ['one', 'two'], title='IoU', colours=['#112233', '#445566']
  )
  (axes,) = made.axes
  numbers = [text.get_text() for text in axes.texts]
  assert numbers == ['25.6', '0.0', 'absent', '100.0']
  names = [text.get_text() for text in axes.get_yticklabels()]
  assert names == ['road', 'tree']
  (swatch,) = axes.lines
  assert swatch.get_color() == '#010203'
  # From the top down, as they are named.
  tops = [bar.get_y() for bar in axes.patches]
  assert sorted(tops) == [tops[0], tops[2], tops[1], tops[3]]
  assert axes.get_ylim()[0] > axes.get_ylim()[1]


FOUND = [
  Difference(0.04, 0.02, 0.06, 9),
  Difference(-0.04, -0.06, -0.02, 9),
  Difference(0.0, -0.02, 0.02, 9),
  None,
]


def test_intervals_lie_where_they_should():
  pixels = charts.intervals([*'abcd'], [('mIoU', FOUND)]).pixels
  (up, right), (down, left) = (
    np.argwhere(_is(pixels, colour)).mean(0)
    for colour in (charts.ABOVE, charts.BELOW)
  )
  assert down == pytest.approx(up + 52, abs=1)  # one line of 26 pixels below
  zero = (left + right) / 2
  dot = _is(pixels[round(down) + 40 : round(down) + 64], style.QUIET)
  assert np.argwhere(dot)[:, 1].mean() == pytest.approx(zero, abs=1)
  assert right > zero + 100


def test_intervals_over_few_images_have_no_colour_but_a_note(figure):
  made = charts.intervals([*'abcd'], [('mIoU', FOUND)])
  assert not made.texts
  few = [each and each._replace(n=4) for each in FOUND]
  one = Difference(0.1, math.nan, math.nan, 1)
  made = charts.intervals([*'abcde'], [('mIoU', [*few, one]), ('', [None] * 5)])
  (note,) = made.texts
  assert 'tentative, over fewer than 5' in note.get_text()
  dots = [line for line in made.axes[0].lines if line.get_marker() == 'o']
  assert {line.get_color() for line in dots} == {style.QUIET}
  fills = [line.get_markerfacecolor() for line in dots]
  assert fills == ['white'] * 3 + [style.QUIET]
  assert [t.get_text() for t in made.axes[0].get_yticklabels()] == [*'abcde']
  assert not any(t.get_text() for t in made.axes[1].get_yticklabels())


@pytest.mark.parametrize('ends', [(0, 0), (1e-7, 3e-7), (-0.9, 1), (0.1, 0.1)])
def test_axes_show_the_intervals_and_zero(figure, ends):
  low, high = ends
  found = Difference((low + high) / 2, low, high, 5)
  (axes,) = charts.intervals(['a'], [('mIoU', [found])]).axes
  left, right = axes.get_xlim()
  assert left < min(0, 100 * low) and right > max(0, 100 * high)
  ticks = [tick for tick in axes.get_xticks() if left <= tick <= right]
  assert 2 <= len(ticks) <= 8
  assert min(map(abs, ticks)) < 1e-12
