"""Paper, axes and colours of the charts, drawn with Pillow.

Places are in pixels on the screen; pictures are SCALE times as fine. Pillow's
own font knows little beyond ASCII.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import dataclasses
import math

import numpy as np
from PIL import Image, ImageDraw

from magnet_jax.predict import pictures
from magnet_jax.predict.pictures import Colour

SCALE = 2
# What is drawn besides: edges of lines and bars are averaged down.
_FINE = 2
RULE: Colour = (227, 225, 220)
ZERO: Colour = (150, 156, 162)
# Told apart by most colour-blind eyes, and in grey.
_SERIES: tuple[Colour, ...] = (
  (38, 84, 124), (226, 125, 66), (42, 157, 143), (190, 160, 60),
  (140, 90, 150), (120, 126, 132), (196, 86, 128), (112, 76, 52),
)  # fmt: skip
COLOURS = len(_SERIES)
TEXT = 13
SMALL = 11
GAP = 12
LINE = 20  # of a legend, from one to the next


class Paper:
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
    """Fills (left, top, right, bottom), its corners a little round."""
    self._draw.rounded_rectangle(
      self._scaled(places), 1.5 * self._zoom, fill, outline, self._zoom
    )

  def line(self, *places: float, fill: Colour, width: float = 1) -> None:
    """Joins (x, y, x, y, ...)."""
    self._draw.line(
      self._scaled(places), fill, max(1, round(width * self._zoom))
    )

  def dot(self, x: float, y: float, radius: float, fill: Colour) -> None:
    """A disc."""
    places = (x - radius, y - radius, x + radius, y + radius)
    self._draw.ellipse(self._scaled(places), fill)

  def text(
    self,
    x: float,
    y: float,
    words: str,
    *,
    size: int = TEXT,
    fill: Colour = pictures.INK,
    anchor: str = 'lm',
  ) -> None:
    """A line of words; `anchor` as in Pillow."""
    font = pictures.typeface(size * self._zoom)
    place = (x * self._zoom, y * self._zoom)
    self._draw.text(place, words, fill, font, anchor)

  def pixels(self) -> np.ndarray:
    """What is drawn: uint8 [h,w,3]."""
    return np.asarray(self._canvas.reduce(_FINE))


def text_width(words: str, size: int = TEXT) -> int:
  """Width of a line of text on the screen, in pixels."""
  # Measured large: fonts round the widths of small letters.
  return math.ceil(pictures.typeface(size * 4).getlength(words) / 4)


def colour(number: int) -> Colour:
  """Of one of several series."""
  return _SERIES[number % len(_SERIES)]


def legend(paper: Paper, series: Sequence[str], y: float, width: int) -> None:
  """Swatches and names, from a line about `y` downwards, `width` wide."""
  for number, (x, line) in enumerate(_legend_places(series, width)):
    middle = y + LINE * line
    paper.box(x, middle - 6, x + 12, middle + 6, fill=colour(number))
    paper.text(x + 18, middle, series[number])


def legend_lines(series: Sequence[str], width: int) -> int:
  """How many lines a legend takes; at least one."""
  return 1 + max((line for _, line in _legend_places(series, width)), default=0)


def _legend_places(
  series: Sequence[str], width: int
) -> list[tuple[float, int]]:
  """Where each swatch begins, and in which line."""
  places, x, line = [], 4.0, 0
  for name in series:
    wide = 18 + text_width(name)
    if x > 4 and x + wide > width:
      x, line = 4.0, line + 1
    places.append((x, line))
    x += wide + 2 * GAP
  return places


@dataclasses.dataclass(frozen=True)
class Axis:
  """Ticks, the first at `start` and the last at `end`, in pixels."""

  ticks: Sequence[float]
  start: float
  end: float

  def place(self, value: float) -> float:
    """Where a value lies, in pixels."""
    low, high = self.ticks[0], self.ticks[-1]
    return self.start + (value - low) / (high - low) * (self.end - self.start)


def ticks(values: Iterable[float]) -> list[float]:
  """Round numbers that span all values; NaN is left out."""
  ends = [value for value in values if not math.isnan(value)] or [0.0]
  low, high = min(ends), max(ends)
  span = high - low or 1.0
  power = 10.0 ** math.floor(math.log10(span))
  step = next(power * m for m in (0.2, 0.5, 1, 2, 5) if span / (power * m) <= 5)
  first, last = math.floor(low / step), math.ceil(high / step)
  if first == last:
    last += 1
  return [round(n * step, 12) for n in range(first, last + 1)]
