"""Bars and intervals: uint8 RGB for notebooks and pages."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
import math

from magnet_jax.evaluate.summary import Difference
from magnet_jax.predict import pictures
from magnet_jax.predict.pictures import Colour
from magnet_jax.report import drawing
from magnet_jax.report.drawing import Axis, Paper, text_width
from magnet_jax.report.shown import Picture

_ABOVE: Colour = (11, 107, 92)
_BELOW: Colour = (163, 64, 44)


@dataclasses.dataclass(frozen=True)
class Group:
  """Bars that belong together.

  Attributes:
    name: of the group.
    colour: of a swatch beside the name, or None.
    values: one a series, in 0..1; NaN where there is none.
  """

  name: str
  colour: Colour | None
  values: tuple[float, ...]


def bars(
  groups: Sequence[Group], series: Sequence[str], *, title: str
) -> Picture:
  """Draws bars from 0 to 100 %, the series of a group below each other.

  Args:
    groups: at least one, from the top down.
    series: what the bars of each group stand for, in their order.
    title: what the bars measure.
  """
  thick, apart = (14, 14) if len(series) < 4 else (11, 12)
  left = max(text_width(group.name) for group in groups) + 34
  width = left + 560
  more = drawing.legend_lines(series, width) - 1
  top = 66 + drawing.LINE * more
  step = thick * len(series) + apart
  paper = Paper(width, top + step * len(groups) + 6)
  end = width - 60

  def x(value: float) -> float:
    return left + value * (end - left)

  paper.text(4, 12, title)
  drawing.legend(paper, series, 34, width)
  for percent in range(0, 101, 20):
    paper.line(
      x(percent / 100),
      top - 4,
      x(percent / 100),
      top + step * len(groups),
      fill=drawing.RULE,
    )
    paper.text(
      x(percent / 100),
      top - 11,
      f'{percent}',
      size=drawing.SMALL,
      fill=pictures.QUIET,
      anchor='mm',
    )
  for index, group in enumerate(groups):
    start = top + index * step + apart / 2
    middle = start + thick * len(series) / 2
    paper.text(left - drawing.GAP, middle, group.name, anchor='rm')
    if group.colour is not None:
      paper.box(4, middle - 6, 16, middle + 6, fill=group.colour)
    for number, value in enumerate(group.values):
      y = start + number * thick
      known = not math.isnan(value)
      if known and value > 0:
        paper.box(
          left,
          y + 1,
          max(x(value), left + 1),
          y + thick - 1,
          fill=drawing.colour(number),
        )
      words = f'{100 * value:.1f}' if known else 'absent'
      place = x(value if known else 0) + 6
      paper.box(
        place - 3,
        y + 1,
        place + text_width(words, drawing.SMALL) + 3,
        y + thick - 1,
        fill=pictures.PAPER,
      )
      paper.text(
        place, y + thick / 2, words, size=drawing.SMALL, fill=pictures.QUIET
      )
  return Picture(paper.pixels(), title, scale=drawing.SCALE)


def intervals(
  labels: Sequence[str],
  panels: Sequence[tuple[str, Sequence[Difference | None]]],
) -> Picture:
  """Draws mean differences with their intervals, in percentage points.

  An interval on one side of 0 has a colour, one that holds 0 is grey, and a
  difference over one image is a dot alone.

  Args:
    labels: one a line, what is compared.
    panels: (title, one difference a line), side by side, each with an axis of
      its own; None leaves the place empty.
  """
  left = max(map(text_width, labels)) + 3 * drawing.GAP
  wide, step, top = max(280, 600 // len(panels)), 26, 40
  height = top + step * len(labels) + 32
  apart = 2 * drawing.GAP
  paper = Paper(left + len(panels) * (wide + 2 * apart) - apart, height)
  for line, label in enumerate(labels):
    y = top + (line + 0.5) * step
    paper.text(left - apart, y, label, anchor='rm')
  for number, (title, differences) in enumerate(panels):
    start = left + number * (wide + 2 * apart)
    axis = Axis(_ticks(differences), start, start + wide)
    paper.text(start, 12, title)
    _draw_intervals(paper, axis, differences, top, step)
  titles = '; '.join(title for title, _ in panels)
  return Picture(paper.pixels(), f'differences: {titles}', scale=drawing.SCALE)


def _draw_intervals(
  paper: Paper,
  axis: Axis,
  differences: Sequence[Difference | None],
  top: float,
  step: float,
) -> None:
  """Draws the grid, and one interval every `step` pixels from `top`."""
  bottom = top + step * len(differences)
  for tick in axis.ticks:
    x = axis.place(tick)
    rule = drawing.ZERO if tick == 0 else drawing.RULE
    paper.line(x, top - 6, x, bottom + 4, fill=rule)
    words = '0' if tick == 0 else f'{tick:+g}'
    paper.text(
      x,
      bottom + 14,
      words,
      size=drawing.SMALL,
      fill=pictures.QUIET,
      anchor='mm',
    )
  for line, found in enumerate(differences):
    if found is None:
      continue
    y = top + (line + 0.5) * step
    colour = pictures.QUIET
    if found.excludes_zero:
      colour = _ABOVE if found.mean > 0 else _BELOW
    if not math.isnan(found.low):
      ends = (axis.place(100 * found.low), y, axis.place(100 * found.high), y)
      paper.line(*ends, fill=_pale(colour), width=6)
    paper.dot(axis.place(100 * found.mean), y, 4, colour)


def _pale(colour: Colour) -> Colour:
  red, green, blue = (round(0.45 * c + 0.55 * 255) for c in colour)
  return red, green, blue


def _ticks(differences: Sequence[Difference | None]) -> list[float]:
  """Round numbers of points that span all intervals and 0."""
  ends = (
    100 * end
    for found in differences
    if found is not None
    for end in (found.mean, found.low, found.high)
  )
  return drawing.ticks([0.0, *ends])
