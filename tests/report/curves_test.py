import itertools
import math

import numpy as np

from magnet_jax.report import curves, style
from magnet_jax.report.curves import Curve


def _has(picture, colour) -> bool:
  rgb = np.array(list(bytes.fromhex(colour[1:])))
  return bool((picture.pixels == rgb).all(-1).any())


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
  assert found.title == 'mIoU % against windows'
  assert found.pixels.dtype == np.uint8
  assert found.pixels.ndim == 3
  # Axes of 560 x 300 pixels, and what hangs over them.
  assert 600 > found.width > 560
  assert 2 * 420 > found.pixels.shape[0] > 2 * 300
  for number in (0, 1):
    assert _has(found, style.colour(number))
  assert not _has(found, style.colour(2))
  assert (found.pixels[0] == 255).all()


def test_points_are_where_they_belong(figure):
  one = Curve('a', (1, 2, 4), (10.0, math.nan, 25.0))
  made = curves.curves([one], x='windows', y='mIoU %', start=0)
  (axes,) = made.axes
  np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[1, 10], [4, 25]])
  assert axes.get_xlim()[0] == 0 and axes.get_xlim()[1] > 4
  assert axes.get_xlabel() == 'windows'
  assert made.legends[0].get_title().get_text() == 'mIoU %'
  (axes,) = curves.curves([one], x='x', y='y').axes
  assert 0 < axes.get_xlim()[0] < 1


def test_one_point_and_no_point():
  found = curves.curves([Curve('a', (3,), (0.5,))], x='x', y='y')
  assert _has(found, style.colour(0))
  curves.curves([Curve('a', (3,), (math.nan,))], x='x', y='y')
  curves.costs({'run': {'a': (math.nan, 1.0)}}, x='x', y='y')


def test_no_two_of_many_series_look_alike(figure):
  series = [Curve(str(n), (1, 2), (n, n)) for n in range(30)]
  (axes,) = curves.curves(series, x='x', y='y').axes
  assert len({line.get_color() for line in axes.lines}) == 30
  assert {line.get_linestyle() for line in axes.lines} == set(style.DASHES)


def test_a_long_curve_has_no_dots(figure):
  long = Curve('a', tuple(range(60)), tuple(range(60)))
  (axes,) = curves.curves([long, Curve('b', (1, 2), (3, 4))], x='', y='').axes
  assert [line.get_marker() for line in axes.lines] == ['', 'o']


def test_words_of_close_points_keep_apart(figure):
  points = [(10, 50.0), (10, 50.0), (10.3, 50.1), (10.1, 49.9), (0, 40.0)]
  x, y = zip(*points, strict=True)
  words = ('0.25', '0.5', 'magnet', 'magnet-fast', '')
  made = curves.curves([Curve('a', x, y, words)], x='x', y='y')
  (axes,) = made.axes
  assert [text.get_text() for text in axes.texts] == list(words[:4])
  boxes = [text.get_window_extent() for text in axes.texts]
  for first, second in itertools.combinations(boxes, 2):
    assert not first.overlaps(second)
  for box, place in itertools.product(boxes, axes.transData.transform(points)):
    assert not box.contains(*place)


def test_costs_of_one_run_have_a_colour_per_method(figure):
  names = [f'method {n}' for n in range(20)]
  found = {'run': {name: (n, 50 + n) for n, name in enumerate(names)}}
  found['run']['unknown'] = (math.nan, 50)
  made = curves.costs(found, x='windows', y='mIoU %')
  (axes,) = made.axes
  drawn = [line for line in axes.lines if np.isfinite(line.get_xdata()).all()]
  assert [line.get_xydata().tolist() for line in drawn] == [
    [[n, 50 + n]] for n in range(20)
  ]
  looks = {(line.get_marker(), line.get_markerfacecolor()) for line in drawn}
  assert len(looks) == 20
  (legend,) = made.legends
  assert [t.get_text() for t in legend.get_texts()] == [*names, 'unknown']
  # The same colours as in the legend.
  for line, key in zip(drawn, legend.legend_handles, strict=False):
    assert line.get_markerfacecolor() == key.get_markerfacecolor()


def test_costs_of_more_runs_have_a_colour_per_run(figure):
  runs = [f'run {n}' for n in range(12)]
  methods = ('downsample', 'magnet')
  found = {r: {m: (n + 1, 50) for n, m in enumerate(methods)} for r in runs}
  del found['run 3']['downsample']  # what is missing moves no colour
  made = curves.costs(found, x='windows', y='mIoU %')
  (axes,) = made.axes
  drawn = [line for line in axes.lines if np.isfinite(line.get_xdata()).all()]
  for line in drawn:
    (x,) = line.get_xdata()
    assert line.get_marker() == style.MARKERS[int(x) - 1]
  magnet = [line for line in drawn if line.get_xdata()[0] == 2]
  fills = [line.get_markerfacecolor() for line in magnet]
  assert fills == [style.colour(n) for n in range(12)]
  # Equal ones do not hide each other: those below are larger.
  sizes = [line.get_markersize() for line in magnet]
  assert sizes == sorted(set(sizes), reverse=True)
  lower, upper = made.legends
  assert [t.get_text() for t in lower.get_texts()] == list(methods)
  assert [t.get_text() for t in upper.get_texts()] == runs
  assert upper.get_window_extent().y0 > lower.get_window_extent().y1


def test_points_that_are_not_joined(figure):
  series = [Curve(n, (1, 2), (1.0, 2.0), joined=n == 'a') for n in 'ab']
  (axes,) = curves.curves(series, x='x', y='y').axes
  joined, loose = axes.lines
  assert joined.get_linestyle() == '-' and loose.get_linestyle() == 'None'
  assert loose.get_marker() == 'o'
