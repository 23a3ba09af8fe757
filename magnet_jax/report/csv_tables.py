"""The report's tables for spreadsheets: one number per cell, none for NaN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import csv
import io
import math

import numpy as np

from magnet_jax.evaluate import differences, summary, tables
from magnet_jax.evaluate.differences import SCORES, Paired
from magnet_jax.evaluate.saved_runs import Run
from magnet_jax.report import sections
from magnet_jax.types import InputError

Runs = Mapping[str, Run]
Line = tuple[object, ...]
# With these spreadsheets begin a formula, which may run commands.
_FORMULA = ('=', '+', '-', '@', '\t', '\r')


def texts(runs: Runs) -> dict[str, str]:
  """Returns the tables as CSV, by the names of their files.

  Args:
    runs: from `read_runs`.

  Returns:
    'results' with intervals, 'differences', 'classes', 'confusion', and
    'further' where the records have any of it.
  """
  found = {
    'results': _results(runs),
    'differences': _differences(runs),
    'classes': _classes(runs),
    'confusion': _confusion(runs),
  }
  made = {name: text(lines) for name, lines in found.items()}
  more = sections.further(runs)
  if more:
    made['further'] = text(iter([more.head, *more.body]))
  return made


def paired(runs: Runs) -> Iterator[Paired]:
  """Yields the reference of each run minus its other methods, then runs."""
  pairs = differences.within(runs)
  if len(runs) > 1:
    pairs += differences.across(runs)
  for pair in pairs:
    try:
      yield from differences.compare(runs, [pair])
    except InputError:  # no image in common, as in an interrupted run
      continue


def _results(runs: Runs) -> Iterator[Line]:
  heads = [heading for heading, _ in tables.COLUMNS]
  ends = [f'{SCORES[key]} % {end}' for key in SCORES for end in ('low', 'high')]
  yield 'run', heads[0], 'images', *heads[1:], *ends
  for run in runs.values():
    for row in run.rows:
      own = run.of(row.method).values()
      spans = [end for key in SCORES for end in summary.interval(own, key)]
      numbers = [read(row) for _, read in tables.COLUMNS[1:]]
      yield (
        run.name,
        row.method,
        row.images,
        *numbers,
        *map(tables.percent, spans),
      )


def _differences(runs: Runs) -> Iterator[Line]:
  yield (
    'run',
    'method',
    'minus run',
    'minus method',
    'score',
    'points',
    'low',
    'high',
    'images',
  )
  for each in paired(runs):
    for key, words in SCORES.items():
      found = each.by_score[key]
      if found is not None:
        numbers = map(tables.percent, (found.mean, found.low, found.high))
        yield *each.first, *each.second, words, *numbers, found.n


def _classes(runs: Runs) -> Iterator[Line]:
  yield 'run', 'method', 'class', 'scored', 'IoU %'
  for run in runs.values():
    for row in run.rows:
      scores = row.iou or [math.nan] * len(run.classes)
      for index, name in enumerate(run.classes.names):
        scored = 'no' if index in run.classes.unscored else 'yes'
        yield run.name, row.method, name, scored, tables.percent(scores[index])


def _confusion(runs: Runs) -> Iterator[Line]:
  yield 'run', 'method', 'label', 'found', 'pixels'
  for run in runs.values():
    names = run.classes.names
    for method in run.methods:
      matrices = [r['confusion'] for r in run.of(method).values()]
      counts = np.asarray(matrices, np.int64).sum(axis=0)
      for label, row in zip(names, counts.tolist(), strict=True):
        for found, pixels in zip(names, row, strict=True):
          yield run.name, method, label, found, pixels


def text(lines: Iterator[Line]) -> str:
  """Returns the cells of lines as CSV."""
  stream = io.StringIO()
  csv.writer(stream, lineterminator='\n').writerows(
    ['' if cell == tables.UNKNOWN else _quoted(cell) for cell in line]
    for line in lines
  )
  return stream.getvalue()


def _quoted(cell: object) -> object:
  """Returns a cell that no spreadsheet takes for a formula."""
  if not isinstance(cell, str) or not cell.startswith(_FORMULA):
    return cell
  try:
    float(cell)
  except ValueError:
    return f"'{cell}"
  return cell
