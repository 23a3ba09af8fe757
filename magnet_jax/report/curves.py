"""Curves and points: what a score costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import dataclasses
import math
from typing import TYPE_CHECKING

from magnet_jax.report import style
from magnet_jax.report.shown import Picture

if TYPE_CHECKING:
  from matplotlib.axes import Axes
  from matplotlib.lines import Line2D
  from matplotlib.transforms import BboxBase

_WIDE, _HIGH = 560, 300
_DOTTED = 20  # curves with more points have no markers

# Run -> method -> (what it costs, what it scores).
Costs = Mapping[str, Mapping[str, tuple[float, float]]]


@dataclasses.dataclass(frozen=True)
class Curve:
  """Points of one series.

  Attributes:
    name: of the series.
    x: the cost.
    y: the score; NaN leaves a point out.
    labels: words beside the points; '' for none.
    joined: whether a line joins the points in their order.
  """

  name: str
  x: tuple[float, ...]
  y: tuple[float, ...]
  labels: tuple[str, ...] = ()
  joined: bool = True


def curves(
  series: Sequence[Curve], *, x: str, y: str, start: float | None = None
) -> Picture:
  """Draws curves over each other.

  Args:
    series: at least one; each has its own colour or dashes.
    x: what the horizontal axis measures.
    y: what the vertical axis measures.
    start: where the horizontal axis begins; None: a little before the points.
  """
  with style.sheet(_WIDE, _HIGH) as figure:
    axes = figure.add_axes((0, 0, 1, 1))
    lines = []
    for number, each in enumerate(series):
      known = [
        (a, b) for a, b in zip(each.x, each.y, strict=True) if not math.isnan(b)
      ]
      dashes = style.DASHES[number // style.COLOURS % len(style.DASHES)]
      lines += axes.plot(
        [a for a, _ in known],
        [b for _, b in known],
        linestyle=dashes if each.joined else 'none',
        color=style.colour(number),
        linewidth=1.8,
        marker='o' if len(known) <= _DOTTED or not each.joined else '',
        markersize=5 if each.joined else 3,
        clip_on=False,
      )
    _finish(axes, x, start)
    style.legend(figure, lines, [each.name for each in series], heading=y)
    _label(axes, series, lines)
    return style.picture(figure, f'{y} against {x}')


def costs(found: Costs, *, x: str, y: str) -> Picture:
  """Draws what methods cost and score, one marker per method.

  Colours stand for the methods of a single run, or else for the runs.

  Args:
    found: by run, by method, in their order; a method with a NaN is left out.
    x: what the cost is, from 0.
    y: what the score is.
  """
  methods = list(dict.fromkeys(m for each in found.values() for m in each))
  single = len(found) == 1
  with style.sheet(_WIDE, _HIGH) as figure:
    axes = figure.add_axes((0, 0, 1, 1))
    for run, each in enumerate(found.values()):
      for name, (cost, score) in each.items():
        number = methods.index(name)
        if not math.isnan(cost + score):
          colour = style.colour(number if single else run)
          # Runs that nearly coincide show as rings around each other.
          size = 9 if single else 12 - 6 * run / (len(found) - 1)
          _mark(axes, number, colour, (cost, score), size)
    _finish(axes, x, 0)
    if single:
      marks = [_mark(axes, n, style.colour(n)) for n in range(len(methods))]
      style.legend(figure, marks, methods, heading=y)
    else:
      marks = [_mark(axes, n, style.QUIET) for n in range(len(methods))]
      above = style.legend(figure, marks, methods)
      runs = [_mark(axes, 1, style.colour(n)) for n in range(len(found))]
      style.legend(figure, runs, list(found), heading=y, above=above + 8)
    return style.picture(figure, f'{y} against {x}')


def _mark(
  axes: Axes,
  number: int,
  colour: str,
  point: tuple[float, float] = (math.nan, math.nan),
  size: float = 8,
) -> Line2D:
  """Draws a point of a method: each of 24 has its own shape."""
  block, shape = divmod(number, len(style.MARKERS))
  hollow = block % 2 == 1
  (line,) = axes.plot(
    *point,
    style.MARKERS[shape],
    color='white' if hollow else colour,
    markersize=size,
    markeredgecolor=colour if hollow else 'white',
    markeredgewidth=1.5 if hollow else 0.8,
    clip_on=False,
  )
  return line


def _finish(axes: Axes, x: str, start: float | None) -> None:
  axes.set_xlabel(x)
  for axis in ('x', 'y'):
    axes.locator_params(axis, nbins=7, steps=[1, 2, 5, 10])
  axes.margins(x=0.03, y=0.08)
  axes.autoscale_view()  # now, as words are placed by where the points are
  if start is not None:
    axes.set_xlim(left=start)


# Offsets of words from their point, to the right and up, in points.
_PLACES = [
  (across * far, up * far)
  for far in (6, 13, 20, 27)
  for across, up in ((1, -1), (1, 1), (-1, 1), (-1, -1), (0, 1), (0, -1))
]


def _label(
  axes: Axes, series: Sequence[Curve], lines: Sequence[Line2D]
) -> None:
  """Writes words beside points, clear of all points and of each other."""
  from matplotlib.transforms import Bbox

  taken: list[BboxBase] = [
    Bbox.from_bounds(x - 8, y - 8, 16, 16)
    for line in lines
    for x, y in axes.transData.transform(line.get_xydata())
  ]
  for number, each in enumerate(series):
    colour = style.colour(number, tint=-0.35)
    for x, y, words in zip(each.x, each.y, each.labels, strict=False):
      if words and not math.isnan(y):
        taken.append(_write(axes, words, (x, y), colour, taken))


def _write(
  axes: Axes,
  words: str,
  point: tuple[float, float],
  colour: str,
  taken: Sequence[BboxBase],
) -> BboxBase:
  """Writes words in the first free place around a point, else in the last."""
  note = axes.annotate(
    words, point, (0, 0), textcoords='offset points', size=8.5, color=colour
  )
  for right, up in _PLACES:
    note.set(
      position=(right, up),
      ha=('center', 'left', 'right')[(right > 0) - (right < 0)],
      va='bottom' if up > 0 else 'top',
    )
    box = note.get_window_extent()
    if not box.count_overlaps(taken):
      break
  return box
