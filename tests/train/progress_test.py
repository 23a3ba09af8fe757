"""What a training prints where there is no terminal, and where there is one."""

import io
import sys

from magnet_jax import parallel
from magnet_jax.train.pace import Limits
from magnet_jax.train.progress import Progress


def _steps(count, *, every, position=lambda step: step):
  with Progress('segmenter', Limits(steps=100), 0) as shown:
    for step in range(1, count + 1):
      record = {
        'step': step,
        'position': position(step),
        'loss': 1,
        'rate': 0.1,
      }
      if step % every == 0:
        record['miou'] = step / 10
      shown.done(record)


def test_a_log_has_one_line_per_validation(capsys):
  _steps(5, every=2, position=lambda step: 2 * step)
  found = capsys.readouterr()
  assert found.err == ''
  assert found.out.splitlines() == [
    f'segmenter: step {step} of 50: loss=1.000, rate=1.0e-01, '
    f'val_miou={step / 10:.3f}'
    for step in (2, 4)
  ]


def test_other_processes_print_nothing(capsys, monkeypatch):
  monkeypatch.setattr(parallel, 'is_main', lambda: False)
  _steps(5, every=2)
  assert capsys.readouterr() == ('', '')


def test_a_terminal_has_a_bar_without_a_score_before_there_is_one(
  capsys, monkeypatch
):
  class Terminal(io.StringIO):
    def isatty(self):
      return True

  terminal = Terminal()
  monkeypatch.setattr(sys, 'stderr', terminal)
  _steps(1, every=2)
  assert 'loss=1.000' in terminal.getvalue()
  assert 'val_miou' not in terminal.getvalue()
  _steps(2, every=2)
  assert 'val_miou=0.200' in terminal.getvalue()
  assert capsys.readouterr().out == ''
