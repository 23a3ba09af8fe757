import dataclasses
import json
import sys

import jax
import networks
from networks import Network
import pytest
import run
import setting
from setting import Setting
import table
import timing
from timing import Forward

from magnet_jax.bench.machine import Machine

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
  return list(timing.run(TINY, [1, 2], repeats=2, **settings))


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
  text = table.as_text(setting.find('float32'), rows)
  assert "pip install 'magnet-jax[convert]'" in text
  assert 'torch ms' not in text
  assert len(text.splitlines()[1].split()) == 8


def test_operations(no_torch):
  """Two for each weight and pixel, less at the edges, a few for the rest."""
  refiner = {'refiner': TINY['refiner']}
  one, two = timing.run(refiner, [1, 2], repeats=1)
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
  found = setting.find('float32')
  assert found.torch_threads >= 1
  text = table.as_text(found, rows)
  assert 'torch ms' in text.splitlines()[0]
  assert len(text.splitlines()[1].split()) == 14


def test_ratios():
  row = Forward(
    'fpn', _SIZE, 2, 10, 4e9, (1.0, 3.0, 2.0), (2.0, 2.0, 2.0), 1e-6
  )
  assert row.ratios == (0.5, 1.0, 1.5)
  quiet = Setting(Machine('cpu', 2, 1.0), 'float32', '2.0', 'cpu', 2)
  line = table.as_text(quiet, [row]).splitlines()[1]
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
  busy = dataclasses.replace(quiet, machine=Machine('cpu', 2, 11.0))
  assert 'OMP_NUM_THREADS=1' in table.as_text(busy, [row])
  one = dataclasses.replace(busy, torch_threads=1)
  text = table.as_text(one, [row])
  assert 'load 11.0' in text
  assert 'OMP_NUM_THREADS=1' not in text


def test_leaves_out_what_is_too_large(no_torch):
  refiner = {'refiner': TINY['refiner']}
  (row,) = timing.run(refiner, [1], max_gb=1e-6)
  assert not row.seconds
  assert '--max_gb is 0.0 GB' in row.skipped
  text = table.as_text(setting.find('float32'), [row])
  assert 'left out: needs about' in text


def test_leaves_out_what_is_too_slow(no_torch):
  refiner = {'refiner': TINY['refiner']}
  one, two = timing.run(refiner, [1, 2], repeats=1, max_seconds=1e-9)
  assert one.seconds
  assert not two.seconds
  assert '--max_seconds is 1e-09' in two.skipped


def test_bfloat16(no_torch):
  refiner = {'refiner': TINY['refiner']}
  (row,) = timing.run(refiner, [1], repeats=1, dtype='bfloat16')
  assert row.seconds


def test_command(no_torch, monkeypatch, tmp_path, capfd):
  monkeypatch.setattr(networks, 'NETWORKS', TINY)
  path = tmp_path / 'forward.json'
  flags = ['--networks=refiner', '--batches=1,2', '--repeats=1']
  assert run.main([*flags, f'--json={path}']) == 0
  out, err = capfd.readouterr()
  assert 'refiner' in out
  assert 'refiner, batch 2: timing' in err
  found = json.loads(path.read_text())
  assert [row['batch'] for row in found['forward']] == [1, 2]
  assert found['measured_on']['machine']['threads'] >= 1
  assert found['settings']['batches'] == [1, 2]


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    (['--networks=vgg'], "'vgg': unknown; choose among fpn, psp"),
    (['--networks=,'], 'empty: name at least one'),
    (['--batches=0'], "'0' is not a batch size"),
    (['--batches=one'], "'one' is not a batch size"),
    (['--dtype=half'], 'invalid choice'),
    (['--max_gb=-1'], '-1: must be at least 0'),
    (['--repeats=0'], "'0': must be at least 1"),
  ],
)
def test_bad_input(flags, message, capfd):
  with pytest.raises(SystemExit) as caught:
    run.main(flags)
  assert caught.value.code == 2
  assert message in capfd.readouterr().err


def test_help_names_every_network(capfd):
  with pytest.raises(SystemExit):
    run.main(['--help'])
  text = capfd.readouterr().out
  assert all(name in text for name in networks.NETWORKS)


def test_shapes():
  assert TINY['unet'].shapes(2) == [(2, *_SIZE, 3)]
  assert TINY['refiner'].shapes(1) == [(1, *_SIZE, 3), (1, *_SIZE, 3)]


def test_weights_are_seeded():
  _, first = networks.with_weights(TINY['refiner'], 'float32')
  _, second = networks.with_weights(TINY['refiner'], 'float32')
  assert jax.tree.all(jax.tree.map(lambda a, b: (a == b).all(), first, second))
