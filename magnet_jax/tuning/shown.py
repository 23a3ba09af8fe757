"""A choice as text for the terminal and as a chart."""

from magnet_jax.evaluate import summary, tables
from magnet_jax.report import curves
from magnet_jax.report.curves import Curve
from magnet_jax.report.shown import Picture
from magnet_jax.tuning import candidates, choice
from magnet_jax.tuning.tuned import Tuned


def text(tuned: Tuned) -> str:
  """Returns the choice as a table and sentences for the terminal."""
  measured = {row.method: row for row in summary.summarise(tuned.verified)}
  heads = 'way,mIoU %,mIoU pooled %,boundary IoU %,windows,seconds'
  cells = [['budget', *heads.split(',')]]
  for name, candidate in tuned.names.items():
    row = measured[tuned.numbers[name].label(candidate)]
    cells.append(
      [
        name,
        candidate,
        tables.percent(row.miou),
        tables.percent(row.miou_pooled),
        tables.percent(row.boundary_iou),
        tables.amount(row.windows),
        tables.amount(row.seconds),
      ]
    )
  lines = tables.aligned(cells, words=2)
  fits = {
    f'{kind} of {name}': fit
    for name, numbers in tuned.numbers.items()
    for kind, fit in (('trends', numbers.trends), ('bias', numbers.bias))
  }
  for name, fit in fits.items():
    if any(fit.values):
      words = ', '.join(f'{value:+.2g}' for value in fit.values)
      lines.append(
        f'class {name}: {words}; {100 * fit.gain:+.2f} points (mean of IoU and '
        'IoU near outlines) on images left out of the fit'
      )
  if tuned.images < choice.FEW:
    lines.append(
      f'{tuned.images} image(s): too few to rely on; this choice is little '
      'more than a guess'
    )
  return '\n'.join(lines)


def picture(tuned: Tuned) -> Picture:
  """Returns a chart of the scores of all ways against their seconds.

  The ways of the budgets bear their names, without trends and bias.
  """
  budgets = {tuned.names[name]: name for name in choice.BUDGETS}
  budgets.setdefault(candidates.PATCH, 'patch alone')
  best = [tuned.rows[name] for name in choice.frontier(tuned.rows)]
  others = [r for r in tuned.rows.values() if r not in best]
  series = [
    Curve(
      words,
      tuple(row.seconds for row in rows),
      tuple(100 * choice.score(row) for row in rows),
      tuple(budgets.get(row.method, '') for row in rows),
      joined=rows is best,
    )
    for words, rows in (('best for their cost', best), ('others', others))
    if rows
  ]
  return curves.curves(
    series,
    x='seconds per image',
    y='mean of pooled mIoU and boundary IoU %',
    start=0,
  )
