"""Runs cases in a process of its own: pickles in, pickles out."""

import os
import pathlib
import pickle
import shutil
import sys
import time

import fuzz_case
import fuzz_run
import psutil

_CLEAR = pathlib.Path('/proc/self/clear_refs')
_STATUS = pathlib.Path('/proc/self/status')


def _peak() -> int:
  for line in _STATUS.read_text().splitlines():
    if line.startswith('VmHWM:'):
      return int(line.split()[1]) * 1024
  return 0


def main() -> None:
  """Answers each case with its faults, seconds and added bytes."""
  seeds, scratch = map(pathlib.Path, sys.argv[1:3])
  source, sink = os.fdopen(os.dup(0), 'rb'), os.fdopen(os.dup(1), 'wb')
  # Nothing that a command reads or prints must meet these.
  os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
  os.dup2(2, 1)
  while True:
    try:
      number, case = pickle.load(source)
    except EOFError:
      return
    folder = scratch / str(number)
    _CLEAR.write_text('5')  # the kernel's peak begins anew
    before = psutil.Process().memory_info().rss
    start = time.process_time()
    outcome = fuzz_run.run(case, folder, seeds)
    seconds = time.process_time() - start
    added = _peak() - before
    found = fuzz_case.faults(case, outcome)
    shutil.rmtree(folder, ignore_errors=True)
    pickle.dump((outcome, found, seconds, added), sink)
    sink.flush()


if __name__ == '__main__':
  main()
