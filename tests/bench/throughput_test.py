"""Windows per second: what is counted, and the command."""

import json
import statistics

import pytest

from magnet_jax.bench import throughput
from magnet_jax.bench.throughput import Throughput
from magnet_jax.cli import main
from magnet_jax.evaluate import random_model

ROW = Throughput(
  dtype='float32',
  batch=4,
  devices=2,
  windows=20,
  seconds=(2.0, 4.0, 5.0),
  step_seconds=0.8,
  flops=3e9,
  product=1e10,
  host=2.0,
)


def test_figures():
  assert ROW.per_second == 20 / 4
  assert ROW.busy == pytest.approx(3 * 0.8 / 4)  # 20 windows are 3 calls of 8
  # 2 s of the host's work, and the loop takes 1.6 s longer than the steps.
  assert ROW.hidden == pytest.approx(1 - 1.6 / 2)
  assert ROW.of_product == pytest.approx(5 / 2 * 3e9 / 1e10)


def test_all_windows_of_a_stage_are_timed(model):
  told = []
  rows = list(
    throughput.run(
      lambda dtype: model, [1, 2], ['float32'], repeats=2, notify=told.append
    )
  )
  assert [row.batch for row in rows] == [1, 2]
  for row in rows:
    assert row.windows >= 3 * row.batch * row.devices
    assert len(row.seconds) == 2
    median = statistics.median(row.seconds)
    assert row.per_second == pytest.approx(row.windows / median)
    assert row.flops > 16 * 24 and row.product > 0 and row.step_seconds > 0
  # The operations are those of a window, whatever the batch.
  assert rows[0].flops == pytest.approx(rows[1].flops, rel=0.02)
  assert len(told) == 3


def test_the_command(model, tmp_path, monkeypatch, capfd):
  made = []
  monkeypatch.setattr(
    random_model, 'make', lambda **how: made.append(how) or model
  )
  path = tmp_path / 'windows.json'
  flags = ['--throughput', '--batches=0', '--repeats=1', f'--json={path}']
  assert main.main(['bench', *flags]) == 0
  text = capfd.readouterr().out
  assert 'windows/s' in text and 'of product' in text
  assert made[0]['segmenter']['dtype'] == 'float32'
  (row,) = json.loads(path.read_text())['windows']
  assert row['batch'] == 1 and row['per_second'] > 0


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    (
      ['--throughput', '--size=64'],
      '--size=64: does not work with --throughput',
    ),
    (['--throughput', '--batch=2'], '--batch=2: does not work with'),
    (['--batches=1'], '--batches=1: needs --throughput'),
    (['--throughput', '--batches=,'], '--batches=,: is empty'),
    (
      ['--throughput', '--batches=one'],
      '--batches=one: must be a whole number',
    ),
    (['--throughput', '--dtypes=half'], 'must be one of'),
    (['--throughput', '--batches=-1'], '--batches=-1: must be a whole number'),
  ],
)
def test_flags_that_do_not_fit(flags, words, capfd):
  assert main.main(['bench', *flags]) == 2
  (line,) = capfd.readouterr().err.splitlines()
  assert words in line
