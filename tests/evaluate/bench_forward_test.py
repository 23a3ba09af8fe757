import dataclasses
import json
import sys

import jax
import pytest

from magnet_jax.cli import main
from magnet_jax.evaluate import (
  bench_forward,
  bench_networks,
  bench_setting,
  bench_tables,
)
from magnet_jax.evaluate.bench_forward import Forward
from magnet_jax.evaluate.bench_networks import Network
from magnet_jax.evaluate.bench_setting import Setting

_SIZE = (32, 48)
TINY = {
  'unet': Network(
    3,
    _SIZE,
    {'name': 'unet', 'width': 4, 'levels': 1},
    'unet',
    'unet',
    {'width': 4, 'levels': 1},
  ),
  'refiner': Network(3, _SIZE, None, 'refiner', 'refiner'),
}


@pytest.fixture
def no_torch(monkeypatch):
  monkeypatch.setitem(sys.modules, 'torch', None)


def _rows(**settings):
  return list(bench_forward.run(TINY, [1, 2], repeats=2, **settings))


def test_without_torch(no_torch):
  lines = []
  rows = _rows(notify=lines.append)
  assert [(row.network, row.batch) for row in rows] == [
    ('unet', 1),
    ('unet', 2),
    ('refiner', 1),
    ('refiner', 2),
  ]
  assert 'unet, batch 2: timing' in lines
  for row in rows:
    assert len(row.seconds) == 2
    assert not row.torch_seconds
    assert row.difference is None
    assert row.size == _SIZE
  text = bench_tables.forward_text(bench_setting.find('float32'), rows)
  assert "pip install 'magnet-jax[convert]'" in text
  assert 'torch ms' not in text
  assert len(text.splitlines()[1].split()) == 8


def test_operations(no_torch):
  """Two for each weight and pixel, less at the edges, a few for the rest."""
  refiner = {'refiner': TINY['refiner']}
  one, two = bench_forward.run(refiner, [1, 2], repeats=1)
  weights = 2 * one.parameters * _SIZE[0] * _SIZE[1]
  assert 0.9 * weights < one.flops < 1.1 * weights
  assert one.flops == pytest.approx(two.flops, rel=0.01)


def test_with_torch():
  torch = pytest.importorskip(
    'torch', reason="PyTorch is missing: pip install 'magnet-jax[convert]'"
  )
  threads = torch.get_num_threads()
  torch.set_num_threads(1)
  rows = _rows()
  torch.set_num_threads(threads)
  for row in rows:
    assert len(row.torch_seconds) == len(row.ratios) == 2
    assert row.difference < 1e-3
  setting = bench_setting.find('float32')
  assert setting.torch_threads >= 1
  text = bench_tables.forward_text(setting, rows)
  assert 'torch ms' in text.splitlines()[0]
  assert len(text.splitlines()[1].split()) == 14


def test_ratios():
  row = Forward(
    'fpn', _SIZE, 2, 10, 4e9, (1.0, 3.0, 2.0), (2.0, 2.0, 2.0), 1e-6
  )
  assert row.ratios == (0.5, 1.0, 1.5)
  setting = Setting('cpu', 2, 'float32', 1.0, '2.0', 'cpu', 2)
  line = bench_tables.forward_text(setting, [row]).splitlines()[1]
  assert line.split() == [
    'fpn',
    '32x48',
    '2',
    '0.00',
    '4.0',
    '2000.0',
    '1.00',
    '4.0',
    '2000.0',
    '1.00',
    '4.0',
    '1.00',
    '(0.50-1.50)',
    '1.0e-06',
  ]
  busy = dataclasses.replace(setting, load=11.0)
  assert 'OMP_NUM_THREADS=1' in bench_tables.forward_text(busy, [row])
  one = dataclasses.replace(busy, torch_threads=1)
  text = bench_tables.forward_text(one, [row])
  assert 'load 11.0' in text
  assert 'OMP_NUM_THREADS=1' not in text


def test_leaves_out_what_is_too_large(no_torch):
  refiner = {'refiner': TINY['refiner']}
  (row,) = bench_forward.run(refiner, [1], max_gb=1e-6)
  assert not row.seconds
  assert '--max_gb is 0.0 GB' in row.skipped
  text = bench_tables.forward_text(bench_setting.find('float32'), [row])
  assert 'left out: needs about' in text


def test_leaves_out_what_is_too_slow(no_torch):
  refiner = {'refiner': TINY['refiner']}
  one, two = bench_forward.run(refiner, [1, 2], repeats=1, max_seconds=1e-9)
  assert one.seconds
  assert not two.seconds
  assert '--max_seconds is 1e-09' in two.skipped


def test_bfloat16(no_torch):
  refiner = {'refiner': TINY['refiner']}
  (row,) = bench_forward.run(refiner, [1], repeats=1, dtype='bfloat16')
  assert row.seconds


def test_command(no_torch, monkeypatch, tmp_path, capfd):
  monkeypatch.setattr(bench_networks, 'NETWORKS', TINY)
  path = tmp_path / 'forward.json'
  flags = ['--forward', '--networks=refiner', '--batches=1,2', '--repeats=1']
  assert main.main(['bench', *flags, f'--json={path}']) == 0
  out, err = capfd.readouterr()
  assert 'refiner' in out
  assert 'refiner, batch 2: timing' in err
  found = json.loads(path.read_text())
  assert [row['batch'] for row in found['forward']] == [1, 2]
  assert found['measured_on']['threads'] >= 1
  assert found['settings']['batches'] == '1,2'


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    (['--forward', '--networks=vgg'], "'vgg': unknown; choose among fpn, psp"),
    (['--forward', '--networks=,'], '--networks=,: is empty'),
    (['--forward', '--batches=0'], "'0' is no batch"),
    (['--forward', '--batches=one'], "'one' is no batch"),
    (['--forward', '--dtypes=half'], 'must be one of float32, bfloat16'),
    (['--forward', '--max_gb=-1'], 'not a non-negative number'),
    (['--forward', '--size=64'], '--size=64: needs neither --forward'),
    (['--batches=2'], '--batches=2: needs --forward'),
  ],
)
def test_bad_input(flags, message, capfd):
  assert main.main(['bench', *flags]) == 2
  err = capfd.readouterr().err
  assert message in err
  assert err.count('\n') == 1


def test_shapes():
  assert TINY['unet'].shapes(2) == [(2, *_SIZE, 3)]
  assert TINY['refiner'].shapes(1) == [(1, *_SIZE, 3), (1, *_SIZE, 3)]


def test_weights_are_seeded():
  _, first = bench_networks.with_weights(TINY['refiner'], 'float32')
  _, second = bench_networks.with_weights(TINY['refiner'], 'float32')
  assert jax.tree.all(jax.tree.map(lambda a, b: (a == b).all(), first, second))
