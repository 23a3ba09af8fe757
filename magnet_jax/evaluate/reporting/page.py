"""The report as one HTML page that needs nothing else, no script either."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
import html
import io
import math
import os
import pathlib
from typing import Any

import numpy as np
from PIL import Image

from magnet_jax.evaluate.measuring.summary import Difference, Row
from magnet_jax.evaluate.reporting.page_style import STYLE
from magnet_jax.evaluate.showing import tables
from magnet_jax.types import ClassTable, InputError

Picture = tuple[str, np.ndarray | str | os.PathLike[str]]

# Heading, attribute of a row, format, whether more is better.
_NUMBERS = (
  ('mIoU %', 'miou', tables.percent, True),
  ('mIoU pooled %', 'miou_pooled', tables.percent, True),
  ('boundary IoU %', 'boundary_iou', tables.percent, True),
  ('seconds', 'seconds', tables.amount, False),
  ('windows', 'windows', tables.amount, False),
  ('peak MB', 'peak_host_mb', lambda value: tables.amount(value, 4), False),
)


def html_page(
  title: str,
  rows: Sequence[Row],
  classes: ClassTable,
  *,
  differences: Mapping[str, Difference] | None = None,
  pictures: Sequence[Picture] = (),
  settings: Mapping[str, Any] | None = None,
  introduction: str = '',
) -> str:
  """Writes the report.

  Args:
    title: of the page.
    rows: one a method, from `summarise`.
    classes: names and colours, in the order of each row's `iou`.
    differences: by what they compare, from `paired_difference`.
    pictures: (caption, picture); uint8 [H,W,3] RGB, or the path of a PNG or
      JPEG file, which is embedded as it is.
    settings: what the run was made with; any values, shown as text.
    introduction: a sentence or two below the title.

  Returns:
    The whole page. Every text is escaped.

  Raises:
    InputError: if the file of a picture is neither PNG nor JPEG.
  """
  parts = [
    f'<h1>{_text(title)}</h1>',
    f'<p>{_text(introduction)}</p>' if introduction else '',
    _results(rows) if rows else '',
    _differences(differences) if differences else '',
    _classes(rows, classes),
    _pictures(pictures) if pictures else '',
    _settings(settings) if settings else '',
  ]
  return (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    f'<title>{_text(title)}</title>\n<style>{STYLE}</style>\n</head>\n'
    '<body>\n<main>\n' + '\n'.join(filter(None, parts)) + '\n</main>\n'
    '</body>\n</html>\n'
  )


def _text(value: object) -> str:
  return html.escape(str(value), quote=True)


def _table(
  head: Sequence[str], body: Sequence[str], kind: str = 'numbers'
) -> str:
  """A table in a card; `head` is text, `body` are cells in HTML, by row."""
  heads = ''.join(f'<th scope="col">{_text(cell)}</th>' for cell in head)
  lines = '\n'.join(f'<tr>{line}</tr>' for line in body)
  return (
    f'<div class="card"><table class="{kind}">\n'
    f'<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>'
  )


def _cell(text: str, share: float, best: bool) -> str:
  """A number with a bar below it, `share` of 0..1 long."""
  share = 0.0 if math.isnan(share) else min(max(share, 0.0), 1.0)
  kind = ' class="best"' if best else ''
  bar = f'<span class="bar" style="--share:{100 * share:.1f}%"></span>'
  return f'<td{kind}>{_text(text)}{bar}</td>'


def _best(values: Sequence[float], more_is_better: bool) -> float:
  known = [value for value in values if not math.isnan(value)]
  if len(known) < 2 or min(known) == max(known):
    return math.nan  # equal to nothing: no cell stands out
  return max(known) if more_is_better else min(known)


def _results(rows: Sequence[Row]) -> str:
  lines = [f'<th scope="row">{_text(row.method)}</th>' for row in rows]
  for _, name, show, more_is_better in _NUMBERS:
    values = [float(getattr(row, name)) for row in rows]
    # Scores fill the bar at 100 %, costs at the dearest method.
    known = [value for value in values if value > 0]
    full = 1.0 if more_is_better else max(known, default=1.0)
    best = _best(values, more_is_better) if more_is_better else math.nan
    for index, value in enumerate(values):
      lines[index] += _cell(show(value), value / full, value == best)
  images = max(row.images for row in rows)
  counted = 'One image.' if images == 1 else f'{images} images. {tables.NOTE}'
  heads = ['method', *(heading for heading, *_ in _NUMBERS)]
  return (
    f'<h2>Results</h2>\n{_table(heads, lines)}\n'
    f'<p class="quiet">{_text(counted)}</p>'
  )


def _differences(differences: Mapping[str, Difference]) -> str:
  ends = [
    abs(end)
    for difference in differences.values()
    for end in (difference.mean, difference.low, difference.high)
    if not math.isnan(end)
  ]
  reach = max(ends, default=0.0) or 1.0
  lines = [
    f'<th scope="row">{_text(name)}</th>'
    f'<td>{_text(tables.difference_text(difference))}</td>'
    f'<td>{_interval(difference, reach)}</td>'
    for name, difference in differences.items()
  ]
  return (
    '<h2>Paired differences</h2>\n'
    + _table(['', 'mean [95 % interval]', ''], lines, 'wordy')
    + '\n<p class="quiet">Percentage points, image by image; the interval is '
    'the bootstrap over images. The dashed line is no difference.</p>'
  )


def _interval(difference: Difference, reach: float) -> str:
  """The interval as a drawing over -reach..reach."""

  def x(value: float) -> str:
    return f'{150 + 140 * value / reach:.1f}'

  kind = ''
  if difference.excludes_zero:
    kind = ' class="above"' if difference.mean > 0 else ' class="below"'
  bar = ''
  if not math.isnan(difference.low):
    bar = (
      f'<line class="interval" x1="{x(difference.low)}" y1="12" '
      f'x2="{x(difference.high)}" y2="12"/>'
    )
  return (
    f'<svg viewBox="0 0 300 24" aria-hidden="true"{kind}>'
    '<line class="axis" x1="6" y1="12" x2="294" y2="12"/>'
    '<line class="zero" x1="150" y1="1" x2="150" y2="23"/>'
    f'{bar}<circle cx="{x(difference.mean)}" cy="12" r="4.5"/></svg>'
  )


def _classes(rows: Sequence[Row], classes: ClassTable) -> str:
  swatches = [
    f'<span class="swatch" style="background:rgb({r},{g},{b})"></span>'
    + _text(name)
    for name, (r, g, b) in zip(classes.names, classes.colours, strict=True)
  ]
  if not rows:
    items = ''.join(f'<li>{swatch}</li>' for swatch in swatches)
    return f'<h2>Classes</h2>\n<ul class="legend">{items}</ul>'
  lines = []
  for index, swatch in enumerate(swatches):
    note = ' <span class="quiet">not scored</span>'
    line = f'<th scope="row">{swatch}'
    line += f'{note if index in classes.unscored else ""}</th>'
    values = [row.iou[index] if row.iou else math.nan for row in rows]
    best = _best(values, True)
    for value in values:
      line += _cell(tables.percent(value), value, value == best)
    lines.append(line)
  heads = ['class', *(row.method for row in rows)]
  return (
    f'<h2>IoU by class</h2>\n{_table(heads, lines)}\n<p class="quiet">In '
    f'percent, of the confusion matrix summed over images; {tables.UNKNOWN} '
    'where the class is nowhere.</p>'
  )


def _pictures(pictures: Sequence[Picture]) -> str:
  figures = []
  for caption, picture in pictures:
    image = f'<img src="{_data_url(picture)}" alt="{_text(caption)}">'
    # One copy of the image serves both sizes: opening lifts its width limit.
    figures.append(
      f'<figure><details><summary>{image}</summary></details>'
      f'<figcaption>{_text(caption)}</figcaption></figure>'
    )
  return (
    '<h2>Pictures</h2>\n<p class="quiet">Click a picture for its full size, '
    'again to go back.</p>\n' + '\n'.join(figures)
  )


def _data_url(picture: np.ndarray | str | os.PathLike[str]) -> str:
  if isinstance(picture, np.ndarray):
    stream = io.BytesIO()
    # No chroma subsampling: class colours meet at sharp edges.
    Image.fromarray(picture).save(stream, 'JPEG', quality=88, subsampling=0)
    data = stream.getvalue()
  else:
    data = pathlib.Path(picture).read_bytes()
  if data.startswith(b'\x89PNG'):
    kind = 'png'
  elif data.startswith(b'\xff\xd8'):
    kind = 'jpeg'
  else:
    raise InputError(
      f'{picture}: a page shows PNG and JPEG pictures; convert it'
    )
  return f'data:image/{kind};base64,{base64.b64encode(data).decode()}'


def _settings(settings: Mapping[str, Any]) -> str:
  lines = [
    f'<th scope="row">{_text(name)}</th><td>{_text(value)}</td>'
    for name, value in settings.items()
  ]
  return f'<h2>Settings</h2>\n{_table(["setting", "value"], lines, "wordy")}'
