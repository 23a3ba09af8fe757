"""The look of charts: matplotlib's settings, colours, legends, pixels.

Lengths are in pixels on the screen; pictures have DENSITY times as many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
import io
import logging
import pathlib
from typing import TYPE_CHECKING
import warnings

import numpy as np
from PIL import Image

from magnet_jax.predict import pictures
from magnet_jax.predict.pictures import Colour
from magnet_jax.report.shown import Picture

if TYPE_CHECKING:
  from matplotlib.artist import Artist
  from matplotlib.figure import Figure

DENSITY = 2
_INCH = 100  # pixels on the screen
_SETTINGS = pathlib.Path(__file__).with_name('charts.mplstyle')
# Eight of the ten of Petroff, "Accessible color sequences" (2021). Any two are
# at least 18 apart in CIELAB, for each kind of colour blindness as well.
_HUES: tuple[Colour, ...] = (
  (63, 144, 218),
  (255, 169, 14),
  (189, 31, 1),
  (131, 45, 182),
  (169, 107, 89),
  (146, 218, 221),
  (113, 117, 129),
  (185, 172, 112),
)
COLOURS = len(_HUES)
# Further series have the same hues, mixed with white or black.
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_SHADES = ((_WHITE, 0.0), (_BLACK, 0.45), (_WHITE, 0.5), (_BLACK, 0.7))
MARKERS = 'os^DvPX<>dph'
DASHES = ('-', '--', ':', '-.')


def web(colour: Colour) -> str:
  """Returns a colour as '#rrggbb'."""
  return '#{:02x}{:02x}{:02x}'.format(*colour)


INK, QUIET = web(pictures.INK), web(pictures.QUIET)


def colour(number: int, tint: float = 0.0) -> str:
  """Returns the colour of a series, a different one for the first 32.

  Args:
    number: of the series, from 0.
    tint: share of white mixed in, in 0..1, to distinguish series of one hue;
      below 0 of black, for text.
  """
  block, hue = divmod(number, COLOURS)
  shade = _mix(_HUES[hue], *_SHADES[block % len(_SHADES)])
  return web(_mix(shade, _WHITE if tint > 0 else _BLACK, abs(tint)))


def _mix(first: Colour, second: Colour, share: float) -> Colour:
  red, green, blue = (
    round((1 - share) * a + share * b)
    for a, b in zip(first, second, strict=True)
  )
  return red, green, blue


@contextlib.contextmanager
def sheet(width: float, height: float) -> Iterator[Figure]:
  """Yields a figure to draw on, while matplotlib has the settings of charts.

  What extends beyond the figure, such as ticks and legends, is part of the
  picture, so width and height are those of the axes only. Afterwards all global
  settings are as before.
  """
  log = logging.getLogger('matplotlib')
  level = log.level
  # It would report that its font cache is new, or cannot be written.
  log.setLevel(logging.ERROR)
  try:
    # Takes half a second, which only commands that draw should pay.
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(fname=_SETTINGS), warnings.catch_warnings():
      # Missing glyphs, of Chinese for example, are drawn as boxes.
      warnings.filterwarnings('ignore', 'Glyph .* missing from')
      figure = Figure((width / _INCH, height / _INCH), dpi=_INCH * DENSITY)
      FigureCanvasAgg(figure)
      yield figure
  finally:
    log.setLevel(level)


def legend(
  figure: Figure,
  handles: Sequence[Artist],
  names: Sequence[str],
  *,
  heading: str = '',
  above: float = 8,
) -> float:
  """Puts a legend over a figure, in as many columns as fit its width.

  Args:
    figure: may have several legends.
    handles: the artists to name.
    names: one per handle.
    heading: of the chart, above the legend.
    above: distance above the figure, in pixels.

  Returns:
    Distance above the figure at which it ends, in pixels.
  """
  room = figure.bbox
  for columns in range(min(len(names), 8), 0, -1):
    made = figure.legend(
      handles,
      names,
      ncols=columns,
      title=heading,
      alignment='left',
      loc='lower left',
      bbox_to_anchor=(0, 1 + DENSITY * above / room.height),
    )
    found = made.get_window_extent()
    if columns == 1 or found.width <= room.width:
      break
    made.remove()
  return float(found.y1 - room.y1) / DENSITY


def picture(figure: Figure, title: str) -> Picture:
  """Draws a figure, cropped to its contents."""
  stream = io.BytesIO()
  figure.savefig(stream, format='png', pil_kwargs={'compress_level': 1})
  pixels = np.asarray(Image.open(stream).convert('RGB'))
  return Picture(pixels, title, scale=DENSITY)
