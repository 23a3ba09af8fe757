"""The loop's benchmark as a command, with models that compile at once."""

import dataclasses
import json

import pytest

from magnet_jax.cli import main
from magnet_jax.evaluate import random_model
from magnet_jax.types import InputError


@pytest.fixture
def bench(toy, tmp_path, monkeypatch, capfd):
  """Runs the command on the toy; returns its text and its figures."""
  made = []

  def make(*, refine, **how):
    made.append(how)
    settings = {**toy.settings, 'refine': {**toy.settings['refine'], **refine}}
    return dataclasses.replace(toy, settings=settings)

  monkeypatch.setattr(random_model, 'make', make)

  def run(*flags):
    path = tmp_path / 'bench.json'
    common = ['--network=32', '--repeats=1', f'--json={path}']
    assert main.main(['bench', *common, *flags]) == 0
    assert made[0]['num_classes'] == 7
    return capfd.readouterr().out, json.loads(path.read_text())

  return run


def test_bench(bench):
  text, found = bench('--size=64', '--sizes=64,128')
  assert 'besides the networks' in text
  (row,) = found['rows']
  assert row['method'] == 'magnet'
  assert row['miou'] is None
  assert row['windows'] == 5
  assert [size['height'] for size in found['sizes']] == [64, 128]
  assert found['settings']['network'] == '32'
  assert found['compile']['while_timed'] == 0


def _seconds(found, stage):
  return {
    p['part']: p['seconds'] for p in found['parts'] if p['stage'] == stage
  }


def test_the_parts_are_those_of_the_real_loop(bench):
  text, found = bench('--size=64')
  assert {'read', 'argmax'} == _seconds(found, None).keys()
  first, second = _seconds(found, 0), _seconds(found, 1)
  assert {'step', 'segmenter', 'fetch'} <= first.keys()
  assert {'step', 'segmenter', 'fetch', 'merge', 'cut'} <= second.keys()
  assert 'rank' not in second
  calls = {p['part']: p['calls'] for p in found['parts'] if p['stage'] == 1}
  assert calls['cut'] == 4
  names = [line.split()[0] for line in text.splitlines() if line.strip()]
  # The parts of a step are indented and not summed again.
  assert '  segmenter' in text
  last = names.index('windows')
  assert names[last - 2 : last] == ['sum', 'real']


def test_magnet_fast_ranks_windows(bench):
  _, found = bench('--size=64', '--windows=0.5')
  assert found['rows'][0]['method'] == 'magnet-fast'
  assert found['rows'][0]['windows'] == 3
  assert _seconds(found, 1)['rank'] > 0


def test_points_of_a_whole_stage(bench):
  _, found = bench('--size=64', '--selection=image')
  assert {'step', 'merge', 'cut'} <= _seconds(found, 1).keys()


def test_only_a_given_width_reaches_the_trunk(monkeypatch):
  """Trunks of other kinds than ResNets have none."""
  made = []

  def make(*, segmenter, **_):
    made.append(segmenter)
    raise InputError('made')

  monkeypatch.setattr(random_model, 'make', make)
  flags = ['bench', '--size=64', '--network=32']
  for given in (
    ['--trunk=efficientnet_lite0'],
    ['--trunk=resnet18', '--width=8'],
  ):
    assert main.main([*flags, *given]) == 2
  assert made == [
    {'trunk': 'efficientnet_lite0'},
    {'trunk': 'resnet18', 'width': 8},
  ]


@pytest.mark.parametrize(
  'flags',
  [
    ('--image=.',),
    ('--checkpoint=missing', '--size=32'),
    ('--checkpoint=missing', '--throughput'),
  ],
)
def test_a_refusal_is_the_only_line(flags, capfd):
  assert main.main(['bench', *flags]) == 2
  out, err = capfd.readouterr()
  assert not out and err.count('\n') == 1
