"""Parts of the report of runs: charts, confusion matrices, training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import math

import numpy as np

from magnet_jax.evaluate import figures, tables
from magnet_jax.evaluate.differences import Side
from magnet_jax.evaluate.saved_runs import Run
from magnet_jax.files.records import Record
from magnet_jax.report import curves, run_tables, style
from magnet_jax.report import page_parts as parts
from magnet_jax.report.curves import Curve
from magnet_jax.report.shown import Picture, Table

_POINTS = 60  # of a training curve; more would hide each other
_TRAINED = {'loss': 'loss', 'miou': 'mIoU % while training'}


def charts(
  runs: Mapping[str, Run], training: Mapping[str, Sequence[Record]]
) -> dict[str, Picture]:
  """Draws the charts of a page, the most telling first, by their files."""
  found = {
    'miou_seconds': _cost(runs, 'seconds'),
    'miou_windows': _cost(runs, 'windows'),
  }
  for key, words in _TRAINED.items():
    series = [
      curve
      for name, each in training.items()
      for curve in _steps(name, each, key)
    ]
    if series:
      found[f'training_{key}'] = curves.curves(series, x='step', y=words)
  return found


def class_chart(runs: Mapping[str, Run]) -> Picture | None:
  """Draws the IoU of each class; None if `why_no_classes` has a reason."""
  if why_no_classes(runs):
    return None
  return run_tables.class_bars(runs, _sides(runs))


def why_no_classes(runs: Mapping[str, Run]) -> str:
  """Returns why there is no chart of classes, and the remedy; or ''."""
  sides = _sides(runs)
  reason = ''
  if len(sides) > style.COLOURS:
    reason = (
      f'these runs have {len(sides)} methods in all, and {style.COLOURS} '
      'colours can be told apart; report fewer runs'
    )
  elif not set.intersection(*(set(runs[r].of(m)) for r, m in sides)):
    reason = 'the methods have no image in common; evaluate all on the same'
  return reason and f'classes.png is left out: {reason}, or see classes.csv'


def _sides(runs: Mapping[str, Run]) -> list[Side]:
  return [(run.name, m) for run in runs.values() for m in run.methods]


def _cost(runs: Mapping[str, Run], key: str) -> Picture:
  """The mIoU of the methods of each run against their cost."""
  found = {
    run.name: {
      row.method: (float(getattr(row, key)), 100 * row.miou) for row in run.rows
    }
    for run in runs.values()
  }
  return curves.costs(found, x=f'{key} per image', y='mIoU %')


def _steps(name: str, training: Sequence[Record], key: str) -> Iterator[Curve]:
  """A curve of means over equal numbers of steps: single steps are noisy."""
  known = [r for r in training if isinstance(r.get(key), int | float)]
  if not known:
    return
  scale = 100 if key == 'miou' else 1
  pieces = np.array_split(np.arange(len(known)), min(_POINTS, len(known)))
  yield Curve(
    name,
    tuple(_mean(known, each, 'step') for each in pieces),
    tuple(scale * _mean(known, each, key) for each in pieces),
  )


def _mean(known: Sequence[Record], places: np.ndarray, key: str) -> float:
  return float(np.mean([known[place][key] for place in places]))


def further(runs: Mapping[str, Run]) -> Table | None:
  """Tabulates the figures of benchmarks other than mIoU, if recorded."""
  lines = {
    (run.name, method): each
    for run in runs.values()
    for method, each in figures.of_records(run.records, run.classes).items()
  }
  keys = [
    key
    for key in tables.FIGURES
    if key != 'miou'  # is in the results
    and any(not math.isnan(figures.value(each, key)) for each in lines.values())
  ]
  if not keys:
    return None
  body = tuple(
    (*names, *(tables.percent(figures.value(each, key)) for key in keys))
    for names, each in lines.items()
  )
  heads = ('run', 'method', *(tables.FIGURES[key] for key in keys))
  return Table(heads, body, 2, notes=(tables.FIGURES_NOTE,))


def confusion(runs: Mapping[str, Run]) -> str:
  """Returns the confusion matrices, rows in percent; one is open."""
  folds: list[str] = []
  first = next(iter(runs.values()))
  for run in runs.values():
    for method in run.methods:
      title = method if len(runs) == 1 else f'{run.name}: {method}'
      opened = ' open' if run is first and method == run.reference else ''
      folds.append(
        f'<details class="fold"{opened}><summary>{parts.escaped(title)}'
        f'</summary>{_matrix(run, method)}</details>'
      )
  return (
    '<h2>Confusion matrices</h2>\n' + '\n'.join(folds) + '\n<p class="quiet">'
    'A row is a class of the label: what percentage of its pixels is found as '
    f'which class, summed over images; {tables.UNKNOWN} where no label has '
    'it.</p>'
  )


def _matrix(run: Run, method: str) -> str:
  matrices = [r['confusion'] for r in run.of(method).values()]
  counts = np.asarray(matrices, np.int64).sum(axis=0)
  lines = []
  for name, row in zip(run.classes.names, counts.tolist(), strict=True):
    total = sum(row)
    cells = ''.join(
      f'<td style="--heat:{60 * value / max(total, 1):.0f}%">'
      f'{100 * value / total:.1f}</td>'
      if total
      else f'<td>{tables.UNKNOWN}</td>'
      for value in row
    )
    lines.append(f'<th scope="row">{parts.escaped(name)}</th>{cells}')
  return parts.table(['label \\ found', *run.classes.names], lines, 'matrix')
