"""The report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math

from magnet_jax.evaluate import tables
from magnet_jax.evaluate.summary import FEW_IMAGES, Difference, Row
from magnet_jax.report import page_parts as parts
from magnet_jax.report.viewer import asset
from magnet_jax.types import ClassTable

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
  settings: Mapping[str, object] | None = None,
  introduction: str = '',
  first: str = '',
  viewer: str = '',
  sections: Sequence[str] = (),
  notes: Sequence[str] = (),
) -> str:
  """Writes the report.

  Args:
    title: of the page.
    rows: one per method, from `summarise`.
    classes: names and colours, in the order of each row's `iou`.
    differences: by what they compare, from `paired_difference`.
    settings: of the run; any values, shown as text.
    introduction: a sentence or two below the title.
    first: the chart to see first, in HTML, below the results.
    viewer: the images, from `viewer.section`.
    sections: more parts in HTML, after the classes.
    notes: sentences on the results, below their table.

  Returns:
    The complete page. All texts are escaped.
  """
  found = [
    f'<h1>{parts.escaped(title)}</h1>',
    f'<p>{parts.escaped(introduction)}</p>' if introduction else '',
    _results(rows, notes) if rows else '',
    first,
    _differences(differences) if differences else '',
    viewer,
    _classes(rows, classes),
    *sections,
    _settings(settings) if settings else '',
  ]
  style = asset('page.css') + (asset('viewer.css') if viewer else '')
  return (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    f'<title>{parts.escaped(title)}</title>\n<style>{style}</style>\n</head>\n'
    '<body>\n<main>\n' + '\n'.join(filter(None, found)) + '\n</main>\n'
    '</body>\n</html>\n'
  )


def _cell(
  text: str, share: float, best: bool, below: Sequence[str] = ()
) -> str:
  """A number with a bar below it, `share` of 0..1 long, and small lines."""
  share = 0.0 if math.isnan(share) else min(max(share, 0.0), 1.0)
  kind = ' class="best"' if best else ''
  bar = f'<span class="bar" style="--share:{100 * share:.1f}%"></span>'
  small = ''.join(f'<small>{parts.escaped(line)}</small>' for line in below)
  return f'<td{kind}>{parts.escaped(text)}{small}{bar}</td>'


def _between(row: Row, score: str) -> list[str]:
  """The interval of a score, if known, and whether it is tentative."""
  low, high = row.intervals.get(score, (math.nan, math.nan))
  if math.isnan(low):
    return []
  words = f'{100 * low:.1f} to {100 * high:.1f}'
  return [words, 'tentative'] if row.images < FEW_IMAGES else [words]


def _best(values: Sequence[float], more_is_better: bool) -> float:
  known = [value for value in values if not math.isnan(value)]
  if len(known) < 2 or min(known) == max(known):
    return math.nan  # equal to nothing: no cell stands out
  return max(known) if more_is_better else min(known)


def _results(rows: Sequence[Row], notes: Sequence[str]) -> str:
  lines = [f'<th scope="row">{parts.escaped(row.method)}</th>' for row in rows]
  for _, name, show, more_is_better in _NUMBERS:
    values = [float(getattr(row, name)) for row in rows]
    # Scores fill the bar at 100 %, costs at the most expensive method.
    known = [value for value in values if value > 0]
    full = 1.0 if more_is_better else max(known, default=1.0)
    best = _best(values, more_is_better) if more_is_better else math.nan
    for index, value in enumerate(values):
      between = _between(rows[index], name)
      lines[index] += _cell(show(value), value / full, value == best, between)
  words = tables.images_note(rows)
  if any(_between(row, score) for row in rows for score in row.intervals):
    words.append(
      'Below a score: its 95 % interval, by bootstrap over images; tentative '
      f'over fewer than {FEW_IMAGES}.'
    )
  counted = ' '.join([*words, *notes])
  heads = ['method', *(heading for heading, *_ in _NUMBERS)]
  return (
    f'<h2>Results</h2>\n{parts.table(heads, lines)}\n'
    f'<p class="quiet">{parts.escaped(counted)}</p>'
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
    f'<th scope="row">{parts.escaped(name)}</th>'
    f'<td>{parts.escaped(tables.difference_text(difference))}</td>'
    f'<td>{_interval(difference, reach)}</td>'
    for name, difference in differences.items()
  ]
  return (
    '<h2>Paired differences</h2>\n'
    + parts.table(['', 'mean [95 % interval]', ''], lines, 'wordy')
    + '\n<p class="quiet">Percentage points, image by image; the interval is '
    'the bootstrap over images. The dashed line is no difference; a hollow dot '
    f'is tentative, over fewer than {FEW_IMAGES} images.</p>'
  )


def _interval(difference: Difference, reach: float) -> str:
  """The interval as a drawing over -reach..reach."""

  def x(value: float) -> str:
    return f'{150 + 140 * value / reach:.1f}'

  kind = ''
  if difference.tentative:
    kind = ' class="tentative"'
  elif difference.excludes_zero:
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
    + parts.escaped(name)
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
    f'<h2>IoU by class</h2>\n{parts.table(heads, lines)}\n<p class="quiet">In '
    f'percent, of the confusion matrix summed over images; {tables.UNKNOWN} '
    'where the class is nowhere.</p>'
  )


def _settings(settings: Mapping[str, object]) -> str:
  lines = [
    f'<th scope="row">{parts.escaped(name)}</th><td>{parts.escaped(value)}</td>'
    for name, value in settings.items()
  ]
  table = parts.table(['setting', 'value'], lines, 'wordy')
  return f'<h2>Settings</h2>\n{table}'
