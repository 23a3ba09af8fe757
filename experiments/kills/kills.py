"""Kills a command at random moments and runs it again, many times.

    python experiments/kills/kills.py train --kills=30

SUBJECT is `train`, `streamed` (segment), or `divided` (segment, by two
processes of two devices each). For each kill the command is started, SIGKILL is
sent at a moment drawn from its whole working time, from its first file to its
last, and the same command is run to the end. Then

- what it leaves must be what a run leaves that nobody killed: the same files of
  the same bytes; of a training the same weights, records and steps;
- nothing that was finished may have been done again: records of steps up to the
  last checkpoint keep their times, and no part of a stage is noted twice.

Of two processes that share an image both are killed at once, but for each fifth
kill, of one alone: then the other must end by itself. With `--full` the disk is
full instead: no file may become larger than a number of bytes drawn at random.
"""

import argparse
import contextlib
import pathlib
import sys
import tempfile

import numpy as np
import running
from running import Run
import subjects
from subjects import Subject

SUBJECTS = {'train': (1, 1), 'streamed': (1, 1), 'divided': (2, 2)}
_SMALLEST = 200  # bytes that fit on a full disk


class Trial:
  """Runs of one subject.

  Args:
    subject: what is run.
    folder: for outputs and the log.
  """

  def __init__(self, subject: Subject, folder: pathlib.Path):
    self._subject = subject
    self._folder = folder
    self.log = folder / 'log'
    # The first compiles.
    for name in ('compiling', 'straight'):
      out = folder / name
      run = self.start(out)
      before = run.until_begun(subject.sign(out))
      self.seconds = run.watch() - before
      if any(run.statuses()):
        raise SystemExit(self.log.read_text())
    self._expected = subject.result(out)
    self.largest = max(
      file.stat().st_size for file in out.rglob('*') if file.is_file()
    )

  def start(self, out: pathlib.Path, most: int = 0) -> Run:
    """Starts the command."""
    subject = self._subject
    return Run(subject.argvs(out), self.log, devices=subject.devices, most=most)

  def finish(self, out: pathlib.Path) -> str:
    """Runs the command to the end; returns what is wrong then, in words."""
    statuses = self.start(out).statuses()
    if any(statuses):
      return f'STATUS {statuses}'
    found = self._subject.result(out)
    names = sorted(found.keys() ^ self._expected.keys())
    names += [n for n in self._expected if found.get(n) != self._expected[n]]
    return f'DIFFERENT: {", ".join(dict.fromkeys(names))[:200]}' * bool(names)

  def kill(self, out: pathlib.Path, moment: float, which: int | None) -> str:
    """Kills a run and runs it again.

    Args:
      out: a new folder.
      moment: seconds of the run's work.
      which: the process to kill; None for all.

    Returns:
      A line; '' if the run was through before.
    """
    run = self.start(out)
    moment += run.until_begun(self._subject.sign(out))
    if not run.kill_after(moment, which):
      run.statuses()
      return ''
    others = [s for i, s in enumerate(run.statuses()) if which not in (None, i)]
    kept = self._subject.kept(out)
    told = kept.told()
    wrong = self.finish(out)
    if not wrong and not kept.is_kept():
      wrong = 'DONE AGAIN'
    if None in others:
      wrong = f'THE OTHER WENT ON; {wrong}'
    left = subjects.unfinished(out)
    return (
      f'{told}: {wrong or "the same"}'
      + f', the other ended with {others}' * bool(others)
      + f', unfinished files left: {len(left)}' * bool(left)
    )

  def fill(self, out: pathlib.Path, most: int) -> str:
    """Runs with a full disk, then again; returns a line."""
    start = self.log.stat().st_size
    statuses = self.start(out, most).statuses()
    said = self.log.read_bytes()[start:].decode(errors='replace').splitlines()
    errors = [line for line in said if line.startswith('magnet-jax: error')]
    left = subjects.unfinished(out) if out.exists() else []
    wrong = self.finish(out)
    clean = statuses == [2] and len(errors) == 1 and 'Traceback' not in said
    if any(statuses) and not clean:
      wrong = f'STATUS {statuses} WITH {len(errors)} LINES; {wrong}'
    shown = errors[0].partition(': ')[2][-60:] if errors else 'no error'
    return (
      f'status {statuses}, …{shown}: {wrong or "the same"}'
      + f', unfinished files left: {len(left)}' * bool(left)
    )


def main(name: str, kills: int, seed: int, full: bool) -> int:
  """Kills, goes on, compares; returns how many trials ended wrongly."""
  rng = np.random.default_rng(seed)
  done = wrong = tried = 0
  with contextlib.ExitStack() as stack:
    folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
    running.start_server(folder / 'compiled')
    subject = Subject(name, folder, *SUBJECTS[name])
    subject.prepare()
    trial = Trial(subject, folder)
    print(
      f'{name}: {subject.processes} processes of {subject.devices} devices, '
      f'{trial.seconds:.1f} s of work without a kill'
    )
    while done < kills:
      tried += 1
      out = folder / f'run{tried}'
      if full:
        most = int(
          np.geomspace(_SMALLEST, trial.largest, 1000)[rng.integers(1000)]
        )
        line = f'{most:8} bytes, {trial.fill(out, most)}'
      else:
        moment = rng.uniform(0, trial.seconds)
        alone = subject.processes > 1 and done % 5 == 4
        which = done // 5 % subject.processes if alone else None
        line = trial.kill(out, moment, which)
        if not line:
          continue  # it was through by then: no kill
        who = 'all' if which is None else f'process {which}'
        line = f'{who} after {moment:5.2f} s, finished {line}'
      done += 1
      wrong += any(word.isupper() and len(word) > 3 for word in line.split())
      print(f'{done:2} {line}', flush=True)
  print(f'{done - wrong} of {done} as if nothing had happened')
  return wrong


if __name__ == '__main__':
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('subject', choices=SUBJECTS)
  parser.add_argument('--kills', type=int, default=30)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--full', action='store_true')
  given = parser.parse_args()
  sys.exit(main(given.subject, given.kills, given.seed, given.full) > 0)
