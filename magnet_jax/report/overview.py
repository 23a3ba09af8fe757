"""The report of runs: a page, and its charts and tables as files."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import os
import pathlib

from magnet_jax.evaluate import summary, tables
from magnet_jax.evaluate.differences import SCORES, Paired
from magnet_jax.evaluate.saved_runs import Run
from magnet_jax.evaluate.summary import Difference, Row
from magnet_jax.files import atomic
from magnet_jax.files.atomic import PathLike
from magnet_jax.report import csv_tables, page, run_tables, sections, viewer
from magnet_jax.report import page_parts as parts
from magnet_jax.report.runs import Found
from magnet_jax.types import InputError

_PAGES = ('.html', '.htm')  # what browsers open as a page


def html_page(found: Found, title: str, introduction: str = '') -> str:
  """Builds the page of runs.

  Args:
    found: from `runs.find`.
    title: of the page.
    introduction: a sentence or two below it.

  Raises:
    InputError: a file of a view is missing or damaged.
  """
  runs = list(found.runs.values())
  single = len(runs) == 1
  rows = [row for run in runs for row in _rows(run, single)]
  first, *others = sections.charts(found.runs, found.training).values()
  more = sections.further(found.runs)
  lower = [
    sections.confusion(found.runs),
    '<h2>Charts</h2>\n' + '\n'.join(map(parts.chart, others)),
  ]
  if more:
    lower.insert(0, f'<h2>Further scores</h2>\n{parts.plain_table(more)}')
  if not single:
    settings = run_tables.settings(found.runs)
    lower.append(
      f'<h2>Settings that differ</h2>\n{parts.plain_table(settings)}'
    )
  return page.html_page(
    title,
    rows,
    found.classes,
    differences=_differences(found),
    settings=_plain(runs[0].settings) if single else None,
    introduction=introduction,
    first=parts.chart(first),
    viewer=viewer.section(found.views, found.classes),
    sections=lower,
    notes=run_tables.images_differ(found.runs),
  )


def write(
  found: Found, path: PathLike, title: str, introduction: str = ''
) -> None:
  """Writes the page, completely or not at all.

  Raises:
    InputError: as for `html_page`, the path does not end in .html, or writing
      fails.
  """
  path = pathlib.Path(path)
  if path.suffix.lower() not in _PAGES:
    inside = os.path.isdir(path)  # pathlib raises for a name that is too long
    better = path / 'report.html' if inside else path.with_suffix('.html')
    raise InputError(
      f'--out={path}: {"is a folder" if inside else "names no page"}: must be '
      f'a file that ends in .html; choose another, such as {better}'
    )
  atomic.prepare_folder(path.parent)
  text = html_page(found, title, introduction)
  atomic.write_bytes(path, text.encode(errors='backslashreplace'))


def write_files(found: Found, folder: PathLike) -> list[str]:
  """Writes charts as PNG and tables as CSV to a folder; returns the names.

  Raises:
    InputError: writing fails.
  """
  folder = atomic.prepare_folder(folder)
  pictures = sections.charts(found.runs, found.training)
  # The page has bars in its table of classes instead.
  if bars := sections.class_chart(found.runs):
    pictures['classes'] = bars
  for name, picture in pictures.items():
    picture.write(folder / f'{name}.png')
  texts = csv_tables.texts(found.runs)
  for name, text in texts.items():
    atomic.write_bytes(folder / f'{name}.csv', text.encode())
  return [f'{n}.png' for n in pictures] + [f'{n}.csv' for n in texts]


def _rows(run: Run, single: bool) -> list[Row]:
  """The methods with intervals, named by their run if there are several."""
  found = []
  for row in run.rows:
    own = run.of(row.method).values()
    spans = {key: summary.interval(own, key) for key in SCORES}
    name = row.method if single else f'{run.name}: {row.method}'
    found.append(dataclasses.replace(row, method=name, intervals=spans))
  return found


def _differences(found: Found) -> dict[str, Difference]:
  """The differences of `csv_tables.paired`, by what they compare."""
  single = len(found.runs) == 1
  named: dict[str, Difference] = {}
  for paired in csv_tables.paired(found.runs):
    for key, words in SCORES.items():
      difference = paired.by_score[key]
      if difference is not None:
        named[f'{_label(paired, single)}, {words}'] = difference
  return named


def _label(paired: Paired, single: bool) -> str:
  if single:
    return f'{paired.first[1]} - {paired.second[1]}'
  return paired.label


def _plain(settings: Mapping[str, object]) -> dict[str, str]:
  """Settings that are set, without the classes."""
  return {
    key: words
    for key, words in run_tables.setting_texts(settings).items()
    if key != 'classes' and words != tables.UNKNOWN
  }
