"""Runs cases with the version of magnet-jax that is imported; see run.py.

Through its console command alone, so that it fits every version.
"""

import contextlib
import io
import json
import pathlib
import shutil
import sys
import time
from typing import Any

from magnet_jax.cli.main import run


def work(task: dict[str, Any]) -> None:
  """Runs all cases of a task, each from an empty folder."""
  more = task['more']
  results = pathlib.Path(task['results'])
  for case in task['cases']:
    if task['first']:
      _prepare(case)
      print(f'  {case["name"]} …', end=' ', file=sys.__stderr__, flush=True)
    printed = io.StringIO()
    started, used = time.perf_counter(), time.process_time()
    failure = ''
    for command in case['commands']:
      failure = failure or _run([*command, *more], printed)
      more = []  # the processes have met
    result = {
      'name': case['name'],
      'seconds': time.perf_counter() - started,
      'processor_seconds': time.process_time() - used,
      'failure': failure,
    }
    if case['printed']:
      folder = pathlib.Path(case['name'])
      folder.mkdir(exist_ok=True)
      (folder / 'printed.txt').write_text(printed.getvalue())
    with results.open('a') as file:
      file.write(json.dumps(result) + '\n')
    if task['first']:
      text = f'{result["seconds"]:.0f} s {failure}'
      print(text, file=sys.__stderr__, flush=True)


def _prepare(case: dict[str, Any]) -> None:
  shutil.rmtree(case['name'], ignore_errors=True)
  for source, copy in case['copies']:
    shutil.copytree(source, copy)


def _run(argv: list[str], printed: io.StringIO) -> str:
  """Runs a command; returns why it failed, or ''."""
  sys.argv = ['magnet-jax', *argv]
  errors = io.StringIO()
  status: Any = 0
  with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
    try:
      run()
    except SystemExit as end:
      status = end.code
    except Exception as error:
      return f'{argv[0]}: {type(error).__name__}: {error}'
  if not status:
    return ''
  lines = errors.getvalue().strip().splitlines() or [f'status {status}']
  return f'{argv[0]}: {lines[-1]}'


if __name__ == '__main__':
  work(json.loads(sys.argv[1]))
