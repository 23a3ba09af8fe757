"""Throws malformed inputs at the commands and prints a table by group."""

import argparse
import concurrent.futures
import os
import pathlib
import queue
import sys
import tempfile

import fuzz_draw
import fuzz_files
from fuzz_groups import GROUPS
from fuzz_process import Record, Worker
import fuzz_seeds
import tqdm

_HEADS = ('group', 'cases', 'as promised', 'refused', 'worst s', 'worst MB')
_SHOWN = 1500  # letters of what a command printed


def run(
  cases: list[fuzz_draw.Case], seeds: pathlib.Path, count: int
) -> list[Record]:
  """Runs cases in several processes; returns a record of each, in order."""
  with tempfile.TemporaryDirectory() as scratch:
    free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    workers = [Worker(seeds, pathlib.Path(scratch)) for _ in range(count)]
    for worker in workers:
      free.put(worker)

    def one(number: int) -> Record:
      worker = free.get()
      try:
        return worker.run(number, cases[number])
      finally:
        free.put(worker)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
      found = []
      done = pool.map(one, range(len(cases)))
      for record in tqdm.tqdm(done, 'cases', len(cases), file=sys.stderr):
        found.append(record)
        if record.faults:
          print(as_text(record), flush=True)
    for worker in workers:
      worker.stop()
    return found


def as_text(record: Record) -> str:
  """Returns what there is to know about a case that did not end well."""
  case, outcome = record.case, record.outcome
  lines = [f'--- {case.group}: {", ".join(record.faults)}', ascii(case.argv)]
  if case.env:
    lines.append(ascii(dict(case.env)))
  if outcome:
    new = sorted(outcome.after.keys() - outcome.before.keys())
    lines += [f'status {outcome.status}, new files {new}']
    lines.append((outcome.raised or outcome.err)[-_SHOWN:].rstrip())
  return '\n'.join(lines)


def table(records: list[Record]) -> str:
  """Returns the table by group."""
  rows = [_HEADS]
  for group in [*dict.fromkeys(r.case.group for r in records), '']:
    own = [r for r in records if group in (r.case.group, '')]
    refused = [r for r in own if r.outcome and r.outcome.status == 2]
    rows.append(
      (
        group or 'all',
        str(len(own)),
        str(sum(not r.faults for r in own)),
        str(len(refused)),
        f'{max(r.seconds for r in own):.1f}',
        f'{max(r.added for r in own) / 1e6:.0f}',
      )
    )
  widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
  return '\n'.join(
    '  '.join(
      cell.ljust(width) if not place else cell.rjust(width)
      for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    for row in rows
  )


def main() -> None:
  """Draws the cases, runs them and prints the table."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--cases', type=int, default=3200)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--groups', default=','.join(GROUPS))
  parser.add_argument('--workers', type=int, default=os.cpu_count() or 1)
  parser.add_argument('--faults', default='', help='a file to write')
  args = parser.parse_args()
  os.environ.setdefault('JAX_PLATFORMS', 'cpu')
  with tempfile.TemporaryDirectory() as top:
    seeds = fuzz_seeds.write(pathlib.Path(top, 'seeds'))
    content = fuzz_files.read(seeds)
    cases = []
    for name in args.groups.split(','):
      count = round(args.cases * GROUPS[name][1])
      cases += fuzz_draw.draw(GROUPS[name][0](content), count, args.seed)
    records = run(cases, seeds, args.workers)
  print(table(records))
  if args.faults:
    bad = [as_text(record) for record in records if record.faults]
    pathlib.Path(args.faults).write_text('\n'.join([*bad, '']))


if __name__ == '__main__':
  main()
