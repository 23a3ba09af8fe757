"""Writes rows as a table for the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import math

from magnet_jax.evaluate import figures as numbers
from magnet_jax.evaluate.figures import Figures
from magnet_jax.evaluate.summary import Difference, Row

_JSON_KEYS = (
  'method',
  'miou',
  'boundary_iou',
  'seconds',
  'windows',
  'peak_host_mb',
)
UNKNOWN = '–'


def percent(value: float) -> str:
  """Formats a fraction: 0.7213 -> '72.13'."""
  return UNKNOWN if math.isnan(value) else f'{100 * value:.2f}'


def amount(value: float, digits: int = 3) -> str:
  """Formats a number to about `digits` figures, no exponent: 1234, 0.0567."""
  if math.isnan(value):
    return UNKNOWN
  if value == 0 or not math.isfinite(value):
    return f'{value:g}'
  decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
  text = f'{value:.{decimals}f}'
  return f'{value:.0f}' if value == int(value) else text


# Heading, and how to get the cell from a row.
COLUMNS: tuple[tuple[str, Callable[[Row], str]], ...] = (
  ('method', lambda row: row.method),
  ('mIoU %', lambda row: percent(row.miou)),
  ('mIoU pooled %', lambda row: percent(row.miou_pooled)),
  ('boundary IoU %', lambda row: percent(row.boundary_iou)),
  ('seconds', lambda row: amount(row.seconds)),
  ('windows', lambda row: amount(row.windows)),
  ('peak MB', lambda row: amount(row.peak_host_mb, 4)),
)
NOTE = (
  'mIoU and boundary IoU: mean over images; pooled: of the summed confusion '
  'matrix; seconds: median; windows: mean; peak: largest.'
)


def table_text(
  rows: Sequence[Row], differences: Mapping[str, Difference] | None = None
) -> str:
  """Formats rows as a table for the terminal.

  Args:
    rows: one per method.
    differences: by what they compare ('magnet - patch, mIoU'), in fractions.

  Returns:
    Lines of text, without a newline at the end.
  """
  lines = aligned(_cells(rows))
  lines += images_note(rows)
  width = max(map(len, differences or ()), default=0)
  for name, difference in (differences or {}).items():
    lines.append(f'{name.ljust(width)}  {difference_text(difference)}')
  return '\n'.join(lines)


# Figures of benchmarks: heading by the key of `figures`.
FIGURES = {
  'miou': 'mIoU',
  'miou_known': 'mIoU, scored ground',
  'category_iou': 'category IoU',
  'fwiou': 'weighted IoU',
  'pixel_accuracy': 'pixel accuracy',
  'boundary_f': 'boundary F',
}
FIGURES_NOTE = (
  'In percent, of the confusion matrix summed over images; boundary F: mean '
  'over images.'
)


def figures_text(figures: Mapping[str, Figures]) -> str:
  """Formats the figures of benchmarks as a table for the terminal.

  Args:
    figures: by method, from `figures.of_records`.
  """
  keys = [k for k in FIGURES if any(k in each for each in figures.values())]
  lines = [['method', *(FIGURES[key] for key in keys)]]
  for method, each in figures.items():
    lines.append([method, *(percent(numbers.value(each, k)) for k in keys)])
  return '\n'.join([*aligned(lines), FIGURES_NOTE])


def aligned(cells: Sequence[Sequence[str]], words: int = 1) -> list[str]:
  """Aligns cells in lines of text, with a rule below the first.

  Args:
    cells: lines with equal numbers of cells; the first line is the heading.
    words: number of columns of words, aligned left; numbers are aligned right.
  """
  widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
  lines = [
    '  '.join(
      cell.ljust(width) if index < words else cell.rjust(width)
      for index, (cell, width) in enumerate(zip(line, widths, strict=True))
    ).rstrip()
    for line in cells
  ]
  lines.insert(1, '  '.join('-' * width for width in widths))
  return lines


def json_rows(rows: Sequence[Row]) -> dict[str, object]:
  """Returns `{"rows": [...]}`: fractions in 0..1, None where not measured."""
  return {
    'rows': [
      {key: _json_value(getattr(row, key)) for key in _JSON_KEYS}
      for row in rows
    ]
  }


def difference_text(difference: Difference) -> str:
  """Returns '+1.23 [+0.40, +2.05] points, 10 images', signs always shown.

  An interval over few images is called tentative.
  """
  mean = f'{100 * difference.mean:+.2f}'
  if difference.n == 1:
    return f'{mean} points, one image: no interval'
  bounds = f'[{100 * difference.low:+.2f}, {100 * difference.high:+.2f}]'
  doubt = ' (tentative)' if difference.tentative else ''
  return f'{mean} {bounds} points, {difference.n} images{doubt}'


def _cells(rows: Sequence[Row]) -> list[list[str]]:
  head = [heading for heading, _ in COLUMNS]
  return [head, *([read(row) for _, read in COLUMNS] for row in rows)]


def images_note(rows: Sequence[Row]) -> list[str]:
  """Returns the line below a table: number of images, and what is shown."""
  counts = sorted({row.images for row in rows})
  if counts == [1]:
    return ['One image.']
  if not counts:
    return []
  images = f'{counts[0]}' + (f' to {counts[-1]}' if len(counts) > 1 else '')
  return [f'{images} images. {NOTE}']


def _json_value(value: str | float) -> str | float | None:
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value
