"""Bars and intervals, drawn with Pillow: uint8 RGB for notebooks and pages.

Places are in pixels on the screen; pictures are SCALE times as fine. Pillow's
own font knows little beyond ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
import math

import numpy as np
from PIL import Image, ImageDraw

from magnet_jax.evaluate import pictures
from magnet_jax.evaluate.pictures import Colour
from magnet_jax.evaluate.shown import Picture
from magnet_jax.evaluate.summary import Difference

SCALE = 2
# What is drawn besides: edges of lines and bars are averaged down.
_FINE = 2
_RULE: Colour = (227, 225, 220)
_ZERO: Colour = (150, 156, 162)
_ABOVE: Colour = (11, 107, 92)
_BELOW: Colour = (163, 64, 44)
# Told apart by most colour-blind eyes, and in grey.
SERIES: tuple[Colour, ...] = (
  (38, 84, 124), (226, 125, 66), (42, 157, 143), (190, 160, 60),
  (140, 90, 150), (120, 126, 132),
)  # fmt: skip
_TEXT = 13
_SMALL = 11
_GAP = 12


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


class _Paper:
  """A blank drawing, in pixels on the screen."""

  def __init__(self, width: int, height: int) -> None:
    self._zoom = SCALE * _FINE
    self._canvas = Image.new(
      'RGB', (width * self._zoom, height * self._zoom), pictures.PAPER
    )
    self._draw = ImageDraw.Draw(self._canvas)

  def _scaled(self, places: Sequence[float]) -> list[float]:
    return [place * self._zoom for place in places]

  def box(
    self, *places: float, fill: Colour, outline: Colour | None = None
  ) -> None:
    self._draw.rounded_rectangle(
      self._scaled(places), 1.5 * self._zoom, fill, outline, self._zoom
    )

  def line(self, *places: float, fill: Colour, width: float = 1) -> None:
    self._draw.line(
      self._scaled(places), fill, max(1, round(width * self._zoom))
    )

  def dot(self, x: float, y: float, radius: float, fill: Colour) -> None:
    places = (x - radius, y - radius, x + radius, y + radius)
    self._draw.ellipse(self._scaled(places), fill)

  def text(
    self,
    x: float,
    y: float,
    words: str,
    *,
    size: int = _TEXT,
    fill: Colour = pictures.INK,
    anchor: str = 'lm',
  ) -> None:
    font = pictures.typeface(size * self._zoom)
    place = (x * self._zoom, y * self._zoom)
    self._draw.text(place, words, fill, font, anchor)

  def pixels(self) -> np.ndarray:
    return np.asarray(self._canvas.reduce(_FINE))


def text_width(words: str, size: int = _TEXT) -> int:
  """Width of a line of text on the screen, in pixels."""
  # Measured large: fonts round the widths of small letters.
  return math.ceil(pictures.typeface(size * 4).getlength(words) / 4)


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
  width, top = left + 560, 66
  step = thick * len(series) + apart
  paper = _Paper(width, top + step * len(groups) + 6)
  end = width - 60

  def x(value: float) -> float:
    return left + value * (end - left)

  paper.text(4, 12, title)
  _legend(paper, series, 34)
  for percent in range(0, 101, 20):
    paper.line(x(percent / 100), top - 4, x(percent / 100),
               top + step * len(groups), fill=_RULE)  # fmt: skip
    paper.text(x(percent / 100), top - 11, f'{percent}', size=_SMALL,
               fill=pictures.QUIET, anchor='mm')  # fmt: skip
  for index, group in enumerate(groups):
    start = top + index * step + apart / 2
    middle = start + thick * len(series) / 2
    paper.text(left - _GAP, middle, group.name, anchor='rm')
    if group.colour is not None:
      paper.box(4, middle - 6, 16, middle + 6, fill=group.colour)
    for number, value in enumerate(group.values):
      y = start + number * thick
      known = not math.isnan(value)
      if known and value > 0:
        paper.box(left, y + 1, max(x(value), left + 1), y + thick - 1,
                  fill=_colour(number))  # fmt: skip
      words = f'{100 * value:.1f}' if known else 'absent'
      place = x(value if known else 0) + 6
      paper.box(place - 3, y + 1, place + text_width(words, _SMALL) + 3,
                y + thick - 1, fill=pictures.PAPER)  # fmt: skip
      paper.text(place, y + thick / 2, words, size=_SMALL,
                 fill=pictures.QUIET)  # fmt: skip
  return Picture(paper.pixels(), title, scale=SCALE)


def _legend(paper: _Paper, series: Sequence[str], y: float) -> None:
  x = 4.0
  for number, name in enumerate(series):
    paper.box(x, y - 6, x + 12, y + 6, fill=_colour(number))
    paper.text(x + 18, y, name)
    x += 18 + text_width(name) + 2 * _GAP


def _colour(number: int) -> Colour:
  return SERIES[number % len(SERIES)]


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
  left = max(map(text_width, labels)) + 3 * _GAP
  wide, step, top = max(280, 600 // len(panels)), 26, 40
  height = top + step * len(labels) + 32
  paper = _Paper(left + len(panels) * (wide + 4 * _GAP) - 2 * _GAP, height)
  for line, label in enumerate(labels):
    paper.text(left - 2 * _GAP, top + (line + 0.5) * step, label, anchor='rm')
  for number, (title, differences) in enumerate(panels):
    start = left + number * (wide + 4 * _GAP)
    axis = _Axis(_ticks(differences), start, start + wide)
    paper.text(start, 12, title)
    _draw_intervals(paper, axis, differences, top, step)
  titles = '; '.join(title for title, _ in panels)
  return Picture(paper.pixels(), f'differences: {titles}', scale=SCALE)


@dataclasses.dataclass(frozen=True)
class _Axis:
  """Ticks, the first at `left` and the last at `right`, in pixels."""

  ticks: Sequence[float]
  left: float
  right: float

  def x(self, value: float) -> float:
    low, high = self.ticks[0], self.ticks[-1]
    return self.left + (value - low) / (high - low) * (self.right - self.left)


def _draw_intervals(
  paper: _Paper,
  axis: _Axis,
  differences: Sequence[Difference | None],
  top: float,
  step: float,
) -> None:
  """Draws the grid, and one interval every `step` pixels from `top`."""
  bottom = top + step * len(differences)
  for tick in axis.ticks:
    x = axis.x(tick)
    paper.line(x, top - 6, x, bottom + 4, fill=_ZERO if tick == 0 else _RULE)
    words = '0' if tick == 0 else f'{tick:+g}'
    paper.text(x, bottom + 14, words, size=_SMALL, fill=pictures.QUIET,
               anchor='mm')  # fmt: skip
  for line, found in enumerate(differences):
    if found is None:
      continue
    y = top + (line + 0.5) * step
    colour = pictures.QUIET
    if found.excludes_zero:
      colour = _ABOVE if found.mean > 0 else _BELOW
    if not math.isnan(found.low):
      ends = (axis.x(100 * found.low), y, axis.x(100 * found.high), y)
      paper.line(*ends, fill=_pale(colour), width=6)
    paper.dot(axis.x(100 * found.mean), y, 4, colour)


def _pale(colour: Colour) -> Colour:
  red, green, blue = (round(0.45 * c + 0.55 * 255) for c in colour)
  return red, green, blue


def _ticks(differences: Sequence[Difference | None]) -> list[float]:
  """Round numbers of points that span all intervals and 0."""
  ends = [
    100 * end
    for found in differences if found is not None
    for end in (found.mean, found.low, found.high) if not math.isnan(end)
  ]
  low, high = min([0.0, *ends]), max([0.0, *ends])
  span = high - low or 1.0
  power = 10.0 ** math.floor(math.log10(span))
  step = next(
    power * m for m in (0.2, 0.5, 1, 2, 5) if span / (power * m) <= 5
  )
  first, last = math.floor(low / step), math.ceil(high / step)
  if first == last:
    last += 1
  return [round(n * step, 12) for n in range(first, last + 1)]
