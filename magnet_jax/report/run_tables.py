"""Two or more runs side by side: their saved records as tables and charts.

Everything here starts from `saved_runs.read_runs` and returns a `Table` or a
`Picture`, which a notebook displays; `print` shows a table as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math

import numpy as np

from magnet_jax.evaluate import differences, tables
from magnet_jax.evaluate.differences import SCORES, Paired, Runs, Side
from magnet_jax.evaluate.summary import FEW_IMAGES, Difference
from magnet_jax.files import embedded
from magnet_jax.metrics import confusion
from magnet_jax.report import charts, style
from magnet_jax.report.shown import Picture, Table
from magnet_jax.types import InputError

_SCORED = ('miou', 'miou_pooled', 'boundary_iou')  # where more is better


def results(runs: Runs) -> Table:
  """Tabulates all methods of all runs; the best score per column stands out.

  Each line is over the images of its run: where these differ, a note says so,
  and the paired differences are the fair comparison.
  """
  lines = [(run.name, row) for run in runs.values() for row in run.rows]
  rows = [row for _, row in lines]
  heads = ('run', 'method', 'images', *(name for name, _ in tables.COLUMNS[1:]))
  body = tuple(
    (
      name,
      row.method,
      str(row.images),
      *(read(row) for _, read in tables.COLUMNS[1:]),
    )
    for name, row in lines
  )
  best = {
    (line, 3 + column)
    for column, key in enumerate(_SCORED)
    for line in _best([getattr(row, key) for row in rows])
  }
  notes = (tables.NOTE, *images_differ(runs))
  return Table(heads, body, 2, frozenset(best), notes)


def images_differ(runs: Runs) -> tuple[str, ...]:
  """Returns a warning if methods of the runs have different images."""
  sets = {
    frozenset(run.of(method)) for run in runs.values() for method in run.methods
  }
  if len(sets) < 2:
    return ()
  return (
    'The lines are over different images: compare by the paired differences.',
  )


def _best(values: Sequence[float]) -> list[int]:
  """Where the largest is; nowhere if there is nothing to choose from."""
  # As shown: scores that look equal are equal.
  shown = np.round(np.array(values), 4)
  known = shown[~np.isnan(shown)]
  if known.size < 2 or known.min() == known.max():
    return []
  return np.flatnonzero(shown == known.max()).tolist()


def settings(runs: Runs) -> Table:
  """Tabulates the settings that differ between runs, one per line."""
  texts = {name: setting_texts(run.settings) for name, run in runs.items()}
  keys = sorted({key for each in texts.values() for key in each})
  body = []
  for key in keys:
    values = [each.get(key, tables.UNKNOWN) for each in texts.values()]
    if len(set(values)) > 1:
      body.append((key, *values))
  unknown = [run.name for run in runs.values() if not run.settings]
  notes = [f'{len(keys) - len(body)} further settings are the same in all.']
  if unknown:
    notes.append(f'No settings were kept of {", ".join(unknown)}.')
  return Table(('setting', *runs), tuple(body), 1 + len(runs), notes=(*notes,))


def setting_texts(settings: Mapping[str, object]) -> dict[str, str]:
  """Returns settings as text; UNKNOWN where one is not set."""
  found = {}
  for key, value in settings.items():
    words = ' '.join(map(str, value)) if isinstance(value, list) else str(value)
    found[key] = tables.UNKNOWN if value in ('', None, []) else words
  if not settings.get('segmenter') and 'checkpoint' in settings:
    # Earlier versions had one embedded model, and did not name it.
    name = settings['checkpoint'] or embedded.SCENES
    found['checkpoint'] = embedded.told(str(name))
  return found


def difference_table(found: Sequence[Paired]) -> Table:
  """Tabulates differences in points; intervals that exclude 0 stand out.

  Tentative ones, over few images, never do.
  """
  body, best, notes = [], set(), []
  for line, paired in enumerate(found):
    cells = [paired.label]
    counts = []
    for column, difference in enumerate(paired.by_score.values()):
      cells += _difference_cells(difference)
      if difference is not None:
        counts.append(difference.n)
        if difference.excludes_zero and not difference.tentative:
          best.add((line, 1 + 2 * column))
    body.append((*cells, str(max(counts, default=0))))
    for side, images in (
      (paired.first, paired.only_first),
      (paired.second, paired.only_second),
    ):
      if images:
        owner = differences.name(side)
        notes.append(
          f'{paired.label}: {len(images)} left out that only {owner} has: '
          f'{differences.listed(images)}.'
        )
  heads = ['difference']
  for words in SCORES.values():
    heads += [f'{words}, points', '95 % interval']
  return Table(
    (*heads, 'images'),
    tuple(body),
    1,
    frozenset(best),
    (
      'Paired over images; marked where the interval excludes 0. Over fewer '
      f'than {FEW_IMAGES} images an interval is tentative and never marked.',
      *notes,
    ),
  )


def _difference_cells(difference: Difference | None) -> tuple[str, str]:
  if difference is None:
    return tables.UNKNOWN, tables.UNKNOWN
  mean = f'{100 * difference.mean:+.2f}'
  if math.isnan(difference.low):
    return mean, tables.UNKNOWN
  low, high = 100 * difference.low, 100 * difference.high
  return mean, f'[{low:+.2f}, {high:+.2f}]'


def difference_chart(found: Sequence[Paired]) -> Picture:
  """Draws the same as intervals around 0, one axis per score."""
  return charts.intervals(
    [paired.label for paired in found],
    [
      (f'{words}, points', [paired.by_score[key] for paired in found])
      for key, words in SCORES.items()
    ],
  )


def class_bars(runs: Runs, sides: Sequence[Side]) -> Picture:
  """Draws the IoU of every class, the sides' bars below each other.

  Each IoU is of the confusion matrix summed over the images that all sides
  have.

  Args:
    runs: from `read_runs`.
    sides: (run, method), at least one.

  Raises:
    InputError: a side is not there, or the sides have no image in common.
  """
  if not sides:
    raise InputError('0 sides: bars need at least one; name a run and a method')
  found = [differences.records_of(runs, side) for side in sides]
  images = set.intersection(*(set(records) for records in found))
  names = [s[1] if len(runs) == 1 else differences.name(s) for s in sides]
  if not images:
    raise InputError(
      f'{", ".join(names)}: have no image in common; evaluate them on the same '
      'images'
    )
  values = [
    confusion.iou(np.sum([records[i]['confusion'] for i in images], axis=0))
    for records in found
  ]
  table = runs[sides[0][0]].classes
  groups = [
    charts.Group(
      name + (' (not scored)' if index in table.unscored else ''),
      table.colours[index],
      tuple(float(each[index]) for each in values),
    )
    for index, name in enumerate(table.names)
  ]
  counted = 'one image' if len(images) == 1 else f'{len(images)} images'
  return charts.bars(
    groups,
    names,
    title=f'IoU by class in %, pooled over {counted}',
    colours=_colours(runs, sides),
  )


def _colours(runs: Runs, sides: Sequence[Side]) -> list[str]:
  """Returns colours by method in a single run, else by run and tinted."""
  if len(runs) == 1:
    methods = next(iter(runs.values())).methods
    return [style.colour(methods.index(method)) for _, method in sides]
  hues = list(runs)
  methods = list(dict.fromkeys(method for _, method in sides))
  last = len(methods) - 1
  return [
    style.colour(
      hues.index(run),
      tint=0.65 * (last - methods.index(method)) / max(last, 1),
    )
    for run, method in sides
  ]
