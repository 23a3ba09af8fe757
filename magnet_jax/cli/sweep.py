"""`magnet-jax sweep`."""

from collections.abc import Sequence
import functools
import math
import pathlib
import shlex
import subprocess
import sys
import time
from typing import NamedTuple

from absl import flags

from magnet_jax.cli import config_file, messages, variations
from magnet_jax.cli.command_line import Arguments
from magnet_jax.cli.variations import Variation
from magnet_jax.files import atomic, records
from magnet_jax.report.shown import Table
from magnet_jax.types import InputError

NAMES = False
HELP = r"""
  usage: magnet-jax sweep --workdir=DIR --vary=KEY=VALUE,VALUE… [flags]

  Trains a run for each combination of values of some fields of a config, scores
  each on val, and prints a table, the best first, also into DIR/table.txt. Each
  run is in DIR/NAME, as magnet-jax train and evaluate would write it, and what
  they print in DIR/NAME.log. The same command resumes an interrupted sweep. A
  run that fails is told in a line, and the others go on. One run is trained at
  a time, in a process of its own.

  examples:
    magnet-jax sweep --config=photos/magnet_jax/config.py --workdir=runs/rates \
      --vary=train.segmenter.rate=1e-3,3e-3,1e-2 --hours=0.2
    magnet-jax sweep --config=tiny --workdir=/tmp/sweep --limit=1 \
      --vary=segmenter.width=4,8 --vary=refine.kernel=3,5
    magnet-jax sweep --config=tiny --workdir=/tmp/sweep \
      '--vary=plan.network=(32,32),(48,48)' --config.train.segmenter.steps=8
"""
_SCORED = 'val'  # the folder of an evaluation in that of its run
_ERROR = 'magnet-jax: error: '


class Result(NamedTuple):
  """What became of a run: its rows by method, or why it failed."""

  name: str
  rows: dict[str, records.Record]
  minutes: float = math.nan
  failed: str = ''


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  group = 'settings'
  text = functools.partial(flags.DEFINE_string, flag_values=values)
  text(
    'config',
    'default',
    'FILE|NAME: of all runs, as for train; --config.KEY=VALUE changes a field '
    'of it in all of them',
    module_name=group,
  )
  flags.DEFINE_multi_string(
    'vary',
    [],
    'KEY=VALUE,VALUE,…: a field and its values; several flags: all combinations'
    ' (required)',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_float(
    'hours',
    None,
    'H: time budget of each run, as for train',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_integer(
    'limit',
    None,
    'N: images of val to score; all, if not given',
    flag_values=values,
    module_name=group,
  )
  text('workdir', '', 'DIR: of all runs (required)', module_name='output')


def run(arguments: Arguments) -> int:
  """Trains and scores all runs, and prints the table."""
  values = arguments.flags
  if not values.workdir:
    raise InputError('--workdir: missing; name a folder for the runs')
  if not values.vary:
    raise InputError(
      '--vary: missing; name a field and its values, such as '
      '--vary=train.segmenter.rate=0.001,0.003'
    )
  found = variations.combine(values.vary)
  config = config_file.load(values.config)
  for each in found:  # all, before the first is trained
    config_file.override(config, [*arguments.overrides, *each.overrides])
  folder = atomic.prepare_folder(values.workdir)
  results = []
  for number, each in enumerate(found, start=1):
    _tell(f'{number} of {len(found)}: {each.name}')
    results.append(_result(arguments, folder, each))
    _tell(f'  {_line(results[-1], folder)}')
  text = str(table(results))
  atomic.write_bytes(folder / 'table.txt', f'{text}\n'.encode())
  messages.tell(f'\n{text}')
  done = [folder / each.name for each in results if not each.failed]
  if done:
    names = ' '.join(shlex.quote(str(path / _SCORED)) for path in done)
    messages.tell(f'magnet-jax report {names} --out={folder}/report.html')
  return 0 if len(done) == len(results) else 2


def _tell(text: str) -> None:
  """Prints a line at once, wherever the output goes."""
  messages.tell(text)
  sys.stdout.flush()


def _result(
  arguments: Arguments, folder: pathlib.Path, each: Variation
) -> Result:
  """Trains and scores one run, each step in a process of its own."""
  values = arguments.flags
  own = folder / each.name
  train = [
    'train',
    f'--config={values.config}',
    f'--workdir={own}',
    *arguments.overrides,
    *each.overrides,
  ]
  if values.hours is not None:
    train.append(f'--hours={values.hours:g}')
  score = [
    'evaluate',
    f'--checkpoint={own}',
    f'--out={own / _SCORED}',
    '--methods=magnet,patch',
  ]
  if values.limit is not None:
    score.append(f'--limit={values.limit}')
  log = folder / f'{each.name}.log'
  try:
    log.write_bytes(b'')
  except OSError as error:
    raise atomic.write_error(log, error) from error
  begun = time.monotonic()
  for command in (train, score):
    if failed := _failed(command, log):
      return Result(each.name, {}, failed=failed)
  minutes = (time.monotonic() - begun) / 60
  summary = records.read_object(own / _SCORED / 'summary.json', 'remove it')
  rows = {row['method']: row for row in summary['rows']}
  return Result(each.name, rows, minutes)


def _failed(command: Sequence[str], log: pathlib.Path) -> str:
  """Runs a command and returns why it failed, or ''."""
  with log.open('ab') as file:
    status = subprocess.run(
      [sys.executable, '-m', 'magnet_jax', *command],
      stdin=subprocess.DEVNULL,
      stdout=file,
      stderr=subprocess.STDOUT,
      check=False,
    ).returncode
  if not status:
    return ''
  lines = log.read_text(errors='replace').splitlines()
  said = [line for line in lines if line.startswith(_ERROR)]
  if said:
    return said[-1].removeprefix(_ERROR)
  if status < 0:
    return f'was ended by signal {-status}, as when memory runs out; see {log}'
  return f'ended with status {status}; see {log}'


def _line(result: Result, folder: pathlib.Path) -> str:
  if result.failed:
    return f'failed: {result.failed}'
  scores = [
    f'{method} {_percent(row["miou"])} %' for method, row in result.rows.items()
  ]
  return (
    f'val mIoU: {", ".join(scores)} ({result.minutes:.1f} min, '
    f'{folder / result.name})'
  )


def table(results: Sequence[Result]) -> Table:
  """Tabulates runs, the best first and those that failed last."""
  done = [each for each in results if not each.failed]
  failed = [each for each in results if each.failed]
  done.sort(key=lambda each: -(_of(each, 'magnet', 'miou') or 0))
  body: list[tuple[str, ...]] = [
    (
      each.name,
      _percent(_of(each, 'magnet', 'miou')),
      _percent(_of(each, 'magnet', 'boundary_iou')),
      _percent(_of(each, 'patch', 'miou')),
      _percent(_of(each, 'patch', 'boundary_iou')),
    )
    for each in done
  ]
  body += [(each.name, *['failed'] * 4) for each in failed]
  return Table(
    (
      'run',
      'magnet mIoU %',
      'boundary IoU %',
      'patch mIoU %',
      'boundary IoU %',
    ),
    tuple(body),
    best=frozenset({(0, 1)} if len(done) > 1 else ()),
    notes=tuple(f'{each.name}: {each.failed}' for each in failed),
  )


def _of(result: Result, method: str, score: str) -> float | None:
  value = result.rows.get(method, {}).get(score)
  return None if value is None else float(value)


def _percent(value: float | None) -> str:
  return '-' if value is None else f'{100 * value:.1f}'
