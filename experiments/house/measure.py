"""Counts what makes a source tree easy or hard to read, a column a tree.

Examples:
  python experiments/house/measure.py .
  python experiments/house/measure.py ../old . --lists

Each TREE has a folder magnet_jax/. It is imported from there, unless --python
names interpreters of environments where each is installed, with commas between
them; with --no-run nothing is run.
"""

import argparse
from collections.abc import Callable, Sequence
import os
import pathlib
import statistics
import sys

import calls
import circles
import modules
from modules import Module

LONG = 250  # lines; longer files are counted
_STORES = {'in memory': 'memory', 'streamed': 'float32'}
_Count = Callable[[Module], int]


def static(found: Sequence[Module]) -> dict[str, str]:
  """What the files say: the table's rows."""
  lines = [module.lines for module in found]
  longest = max(found, key=lambda module: module.lines)

  def total(count: _Count) -> int:
    return sum(map(count, found))

  def rate(count: _Count, per: int) -> str:
    return f'{per * total(count) / sum(lines):.1f}'

  all_imports = circles.graph(found, inner=True)
  first_imports = circles.graph(found, inner=False)
  return {
    'files': str(len(found)),
    'lines': str(sum(lines)),
    'statements': str(total(lambda m: m.statements)),
    'lines of the median file': f'{statistics.median(lines):g}',
    'lines of the longest file': str(longest.lines),
    f'files over {LONG} lines': str(sum(n > LONG for n in lines)),
    'private functions': str(total(lambda m: m.privates)),
    'comments per 100 lines': rate(lambda m: m.words, 100),
    'fmt: skip': str(total(lambda m: m.skips)),
    'Any': str(total(lambda m: m.anys)),
    'Any per 1000 lines': rate(lambda m: m.anys, 1000),
    'isinstance of a cascade': str(total(lambda m: len(m.kind_checks()))),
    'stage loops': str(total(lambda m: len(m.stage_loops()))),
    'readers of stages': str(total(lambda m: len(m.stage_readers()))),
    'import circles': _circles(all_imports),
    '… without those in functions': _circles(first_imports),
    '… of folders': _circles(circles.of_folders(all_imports)),
  }


def _circles(found: circles.Graph) -> str:
  parts = circles.circles(found)
  members = sum(map(len, parts))
  return f'{len(parts)} (of {members})' if parts else '0'


def lists(found: Sequence[Module]) -> dict[str, list[str]]:
  """What stands behind the rows."""
  longest = sorted(found, key=lambda module: -module.lines)
  all_imports = circles.graph(found, inner=True)
  return {
    'longest files': [f'{m.path}: {m.lines}' for m in longest[:5]],
    'isinstance of a cascade': [x for m in found for x in m.kind_checks()],
    'stage loops': [x for m in found for x in m.stage_loops()],
    'readers of stages': [x for m in found for x in m.stage_readers()],
    'import circles': [
      ' <-> '.join(part) for part in circles.circles(all_imports)
    ],
    'import circles of folders': [
      ' <-> '.join(part)
      for part in circles.circles(circles.of_folders(all_imports))
    ],
  }


def ways(
  tree: pathlib.Path, python: str
) -> tuple[dict[str, str], dict[str, list[str]]]:
  """Rows and lists of the way to the segmenter."""
  rows, found = {}, {}
  for title, store in _STORES.items():
    frames = calls.way(tree, store, python)
    rows[f'frames to the segmenter, {title}'] = str(len(frames))
    rows[f'files to the segmenter, {title}'] = str(calls.files(frames))
    found[f'way to the segmenter, {title}'] = frames
  return rows, found


def show(names: Sequence[str], columns: Sequence[dict[str, str]]) -> None:
  """Prints the table."""
  width = max(len(row) for row in columns[0])
  widths = [max(len(name), 10) for name in names]
  cells = [f'{name:>{n}}' for name, n in zip(names, widths, strict=True)]
  print(f'{"":{width}}  {"  ".join(cells)}')
  for row in columns[0]:
    values = [
      f'{column[row]:>{n}}' for column, n in zip(columns, widths, strict=True)
    ]
    print(f'{row:{width}}  {"  ".join(values)}')


def main() -> int:
  """Does what the command line says."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add = parser.add_argument
  add('trees', nargs='+', type=pathlib.Path, metavar='TREE')
  add('--python', default='', help='interpreters, one for each tree')
  add(
    '--no-run', action='store_true', help='leave out the way to the segmenter'
  )
  add('--lists', action='store_true', help='print places, too')
  arguments = parser.parse_args()
  pythons = arguments.python.split(',') if arguments.python else []
  pythons = pythons or [''] * len(arguments.trees)
  if len(pythons) != len(arguments.trees):
    parser.error('--python: needs one interpreter for each tree')
  pythons = [os.path.abspath(p) if os.sep in p else p for p in pythons]
  columns, texts = [], []
  for tree, python in zip(arguments.trees, pythons, strict=True):
    found = modules.read(tree)
    if not found:
      parser.error(f'{tree}: has no folder {modules.PACKAGE}/ of Python files')
    rows, places = static(found), lists(found)
    if not arguments.no_run:
      more, frames = ways(tree, python)
      rows |= more
      places |= frames
    columns.append(rows)
    texts.append(places)
  show([str(tree) for tree in arguments.trees], columns)
  if arguments.lists:
    for tree, places in zip(arguments.trees, texts, strict=True):
      for title, lines in places.items():
        print(f'\n{tree}, {title}:', *(lines or ['none']), sep='\n  ')
  return 0


if __name__ == '__main__':
  sys.exit(main())
