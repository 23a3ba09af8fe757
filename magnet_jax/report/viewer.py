"""The viewer of images, a part of the page with a limited number of bytes."""

from __future__ import annotations

from collections.abc import Sequence
import html
from importlib import resources
import json

import numpy as np

from magnet_jax.predict import pictures
from magnet_jax.report.views import SHRUNK, Encoded, View
from magnet_jax.types import ClassTable

BUDGET = 18_000_000  # bytes for all images; the rest of the page is small


def section(
  views: Sequence[tuple[str, View]],
  classes: ClassTable,
  budget: int = BUDGET,
) -> str:
  """Returns the viewer with its data and script; '' if nothing is shown.

  If the images are too large, uncertainties and then photographs are shrunk by
  2, 4 or 8, and what still does not fit is left out; the page says so.

  Args:
    views: (title, view), in the order of the choice.
    classes: names and colours.
    budget: bytes that the images may take.

  Raises:
    InputError: a file of a view is missing or damaged.
  """
  shown, left_out = _fitting(views, budget)
  if not views:
    return ''
  notes = [
    f'{title}: photograph at 1/{shrunk[0]}, uncertainty at 1/{shrunk[1]} of '
    'their sides, so that the page stays small; classes are exact.'
    for title, shrunk, _ in shown
    if shrunk != SHRUNK[0]
  ]
  if left_out:
    notes.append(f'Left out, as the page would be too large: {left_out}.')
  lines = ''.join(f'<p class="quiet">{html.escape(n)}</p>' for n in notes)
  if not shown:
    return f'<h2>Images</h2>\n{lines}'
  data = {
    'classes': [
      {'name': name, 'colour': colour}
      for name, colour in zip(classes.names, classes.colours, strict=True)
    ],
    'heat': pictures.heat(np.arange(256)[None] / 255)[0].tolist(),
    'views': [{'title': title, **each} for title, _, each in shown],
  }
  # Escaped, so that no text can end the script element early.
  text = json.dumps(data, separators=(',', ':')).replace('<', '\\u003c')
  scripts = ''.join(
    f'<script>{asset(name)}</script>\n'
    for name in ('viewer.js', 'viewer_controls.js')
  )
  return (
    f'<h2>Images</h2>\n{asset("viewer.html")}{lines}\n'
    f'<script type="application/json" id="views">{text}</script>\n{scripts}'
  )


def asset(name: str) -> str:
  """Returns the text of a file that the page is made from."""
  return resources.files(__package__).joinpath(name).read_text()


def _fitting(
  views: Sequence[tuple[str, View]], budget: int
) -> tuple[list[tuple[str, tuple[int, int], Encoded]], str]:
  """The views that fit, each in an equal share; names of the others."""
  shown, left_out = [], []
  for number, (title, view) in enumerate(views):
    share = budget // (len(views) - number)
    for shrunk in SHRUNK:
      encoded = view.encoded(shrunk)
      size = len(json.dumps(encoded)) + len(title)
      if size <= share:
        shown.append((title, shrunk, encoded))
        budget -= size
        break
    else:
      left_out.append(title)
  return shown, ', '.join(left_out)
