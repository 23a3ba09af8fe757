"""Curves: what a score costs, as points that are joined."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
import itertools
import math

from magnet_jax.predict import pictures
from magnet_jax.predict.pictures import Colour
from magnet_jax.report import drawing, label_places
from magnet_jax.report.drawing import Axis, Paper
from magnet_jax.report.shown import Picture

_LEFT, _TOP, _WIDE, _HIGH = 64, 62, 520, 300


@dataclasses.dataclass(frozen=True)
class Curve:
  """Points of one series, joined in their order.

  Attributes:
    name: of the series.
    x: what it costs.
    y: what it gives; NaN leaves a point out.
    labels: words beside the points; '' for none.
    joined: whether lines join the points.
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
    series: at least one.
    x: what the horizontal axis measures.
    y: what the vertical axis measures.
    start: a value that the horizontal axis has to show, such as 0.
  """
  across = [value for each in series for value in each.x]
  across += [] if start is None else [start]
  up = [value for each in series for value in each.y]
  names = [each.name for each in series]
  right, width = _LEFT + _WIDE, _LEFT + _WIDE + 70
  top = _TOP + drawing.LINE * (drawing.legend_lines(names, width) - 1)
  bottom = top + _HIGH
  horizontal = Axis(drawing.ticks(across), _LEFT, right)
  vertical = Axis(drawing.ticks(up), bottom, top)
  paper = Paper(width, bottom + 52)
  paper.text(4, 12, y)
  drawing.legend(paper, names, 36, width)
  for tick in horizontal.ticks:
    place = horizontal.place(tick)
    paper.line(place, top, place, bottom + 4, fill=drawing.RULE)
    paper.text(
      place,
      bottom + 14,
      f'{tick:g}',
      size=drawing.SMALL,
      fill=pictures.QUIET,
      anchor='mm',
    )
  for tick in vertical.ticks:
    place = vertical.place(tick)
    paper.line(_LEFT - 4, place, right, place, fill=drawing.RULE)
    paper.text(
      _LEFT - 10,
      place,
      f'{tick:g}',
      size=drawing.SMALL,
      fill=pictures.QUIET,
      anchor='rm',
    )
  paper.text((_LEFT + right) / 2, bottom + 38, x, anchor='mm')
  points = [_points(each, horizontal, vertical) for each in series]
  for number, (each, own) in enumerate(zip(series, points, strict=True)):
    _draw(paper, own, drawing.colour(number), joined=each.joined)
  _label(paper, points, (_LEFT, top, width, bottom))
  return Picture(paper.pixels(), f'{y} against {x}', scale=drawing.SCALE)


_Point = tuple[float, float, str]  # x and y in pixels, words


def _points(curve: Curve, horizontal: Axis, vertical: Axis) -> list[_Point]:
  """Places and words of what is known."""
  labels = curve.labels or ('',) * len(curve.x)
  return [
    (horizontal.place(x), vertical.place(y), label)
    for x, y, label in zip(curve.x, curve.y, labels, strict=True)
    if not math.isnan(y)
  ]


def _draw(
  paper: Paper,
  points: Sequence[_Point],
  colour: Colour,
  *,
  joined: bool,
) -> None:
  for (x, y, _), (end, height, _) in itertools.pairwise(points):
    if joined:
      paper.line(x, y, end, height, fill=colour, width=2)
  for x, y, _ in points:
    paper.dot(x, y, 4, colour)


def _label(
  paper: Paper, series: Sequence[Sequence[_Point]], room: label_places.Box
) -> None:
  """Writes the words; they keep off all points and off each other."""
  taken = [(x - 4, y - 4, x + 4, y + 4) for own in series for x, y, _ in own]
  for number, own in enumerate(series):
    for x, y, label in filter(lambda point: point[2], own):
      size = drawing.text_width(label, drawing.SMALL), drawing.SMALL + 1
      box = label_places.beside((x, y), size, taken, room, above=number % 2 > 0)
      taken.append(box)
      paper.text(
        box[0],
        (box[1] + box[3]) / 2,
        label,
        size=drawing.SMALL,
        fill=drawing.colour(number),
      )
