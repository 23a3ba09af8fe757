"""`magnet-jax report`."""

from collections.abc import Sequence
import functools
import pathlib

from absl import flags

from magnet_jax.cli import messages
from magnet_jax.cli.command_line import Arguments
from magnet_jax.data import classes
from magnet_jax.files import atomic
from magnet_jax.report import overview, runs, sections
from magnet_jax.types import InputError

NAMES = True
HELP = """
  usage: magnet-jax report RUN... [--out=FILE.html] [flags]

  Makes one page from one or more runs: scores with intervals, paired
  differences, accuracy against cost, classes, confusion matrices, training
  curves, settings that differ, and a viewer of the images down to single
  pixels. The page is one file that works offline. A run is a folder written by
  magnet-jax evaluate --out, or one that contains such folders.

  examples:
    magnet-jax report runs/mine/val
    magnet-jax report runs/a/val runs/b/val --out=a_and_b.html --files=a_and_b
    magnet-jax report runs/mine
"""


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  text = functools.partial(
    flags.DEFINE_string, flag_values=values, module_name='output'
  )
  text(
    'out',
    '',
    'FILE: the page; if not given, report.html in the folder of a training, '
    'for other runs in the current folder',
  )
  text('files', '', 'DIR: also write the charts as PNG and the tables as CSV')
  text('title', '', "TEXT: of the page; the runs' folders if not given")
  text('classes', '', 'NAME|FILE: class table for runs that did not record one')
  text(
    'reference',
    '',
    'NAME: the method that the others of its run are compared with; the one '
    'that each run recorded if not given',
  )


def run(arguments: Arguments) -> int:
  """Reads the runs and writes the page."""
  values = arguments.flags
  if not arguments.names:
    raise InputError(
      '0 runs: a report needs at least one; name a folder written by '
      'magnet-jax evaluate --out'
    )
  table = classes.get(values.classes) if values.classes else None
  found = runs.find(arguments.names, table, values.reference)
  if values.files:
    atomic.prepare_folder(values.files)  # before the page is written
  paths = [pathlib.Path(name) for name in arguments.names]
  out = pathlib.Path(values.out or _page(paths))
  overview.write(found, out, values.title or ', '.join(map(_title, paths)))
  if values.files:
    overview.write_files(found, values.files)
    messages.tell(f'wrote charts and tables to {values.files}')
    if why := sections.why_no_classes(found.runs):
      messages.tell(why)
  messages.tell(f'look at {out}')
  return 0


def _page(paths: Sequence[pathlib.Path]) -> pathlib.Path:
  """Returns where the page goes if no place is given."""
  page = pathlib.Path('report.html')
  alone = len(paths) == 1 and paths[0].is_dir()
  # An evaluation has a page of its own in its folder, which is kept.
  return paths[0] / page if alone and not runs.is_one(paths[0]) else page


def _title(path: pathlib.Path) -> str:
  """Returns a folder's name with that of the one that it is in: 'mine/val'."""
  folder = path.parent if path.suffix == '.jsonl' else path
  return '/'.join(folder.resolve().parts[-2:])
