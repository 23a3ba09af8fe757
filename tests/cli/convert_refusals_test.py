"""What `magnet-jax convert` rejects, without leaving any files."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
from tiny_states import FLAGS, state

from magnet_jax.cli import main
from magnet_jax.weights import torch_files


def changed(kind, **arrays):
  return state(kind) | arrays


def without(kind, *keys):
  return {key: a for key, a in state(kind).items() if key not in keys}


ZERO = np.zeros(1, np.float32)
BAD = {
  'missing keys': (without('segmenter', 'classify.bias'), 'classify.bias'),
  'no classifier': (without('segmenter', 'classify.weight'), 'lacks classify'),
  'left over': (changed('refiner', **{'neck.weight': ZERO}), 'neck.weight'),
  'twice': (
    changed('refiner', **{'module.bn0.bias': ZERO}),
    'module.bn0.bias',
  ),
  'another network': ({'vit.blocks.0.weight': ZERO}, 'vit.blocks.0.weight'),
  'half': (
    changed('refiner', **{'bn0.bias': np.zeros(14, np.float16)}),
    '--cast=float32',
  ),
  'another shape': (
    changed('refiner', **{'bn1.bias': np.zeros(5, np.float32)}),
    '[4]',
  ),
  'not finite': (
    changed('refiner', **{'bn1.bias': np.full(4, np.nan, np.float32)}),
    'NaN',
  ),
  'another class count': (
    changed(
      'refiner', **{'seg_conv.weight': np.zeros((3, 8, 1, 1), np.float32)}
    ),
    'has 3 classes, but the config has 7',
  ),
}


@pytest.mark.parametrize('name', BAD)
def test_bad_files(name, save_state, tmp_path, fails):
  arrays, words = BAD[name]
  path = save_state(arrays)
  line = fails('convert', path, '--out', tmp_path / 'new' / 'run', *FLAGS)
  assert 'a.pth' in line and words in line
  assert [entry.name for entry in tmp_path.iterdir()] == ['a.pth']


def test_files_that_do_not_belong_together(save_state, tmp_path, fails):
  segmenter = save_state(state('segmenter'), 'segmenter.pth')
  refiner = save_state(state('refiner'), 'refiner.pth')
  trunk = save_state(state('trunk'), 'trunk.pth')
  few = without('refiner', 'seg_conv.weight')
  few['seg_conv.weight'] = np.zeros((3, 8, 1, 1), np.float32)
  few = save_state(few, 'few.pth')
  flags = ['--out', tmp_path / 'run', *FLAGS]
  assert 'another segmenter' in fails('convert', segmenter, segmenter, *flags)
  assert 'alone' in fails('convert', trunk, refiner, *flags)
  assert '7, ' in fails('convert', segmenter, few, *flags)
  line = fails('convert', refiner, refiner, *flags)
  assert '2 of 1 refiners' in line
  line = fails('convert', segmenter, '--config=cityscapes', *flags[:2])
  assert 'has 7 classes, but the config has 19' in line
  line = fails('convert', few, *flags[:2])
  assert 'refiner of 3 classes: no shipped config' in line
  line = fails('convert', segmenter, *flags[:2])  # deepglobe, by its names
  assert 'lacks resnet_backbone.' in line and 'choose the config' in line
  assert not (tmp_path / 'run').exists()


def test_flags(save_state, tmp_path, fails):
  path = save_state(state('refiner'))
  assert 'at least one FILE' in fails('convert', '--out', tmp_path / 'run')
  assert '--out' in fails('convert', path)
  line = fails('convert', path, path, '--to=pytorch', '--out', tmp_path / 'x')
  assert 'one run' in line
  line = fails('convert', tmp_path, '--out', tmp_path / 'run')
  assert '--to=pytorch' in line
  line = fails('convert', tmp_path, '--to=pytorch', '--out', tmp_path / 'run')
  assert 'holds no checkpoint' in line
  line = fails('convert', path, '--out', tmp_path / 'run', '--network=fpn')
  assert 'network fpn, which has no' in line
  line = fails(
    'convert', path, '--out', tmp_path / 'run', *FLAGS, '--table=dubai'
  )
  assert 'the config has 5' in line
  line = fails('convert', path, '--out', tmp_path / 'run', '--bits=8')
  assert '--bits=8: needs --to=npz' in line
  out = tmp_path / 'x.npz'
  line = fails('convert', tmp_path / 'b', '--to=npz', '--out', out)
  assert 'b: no such file' in line
  assert [entry.name for entry in tmp_path.iterdir()] == ['a.pth']


@pytest.mark.parametrize('what', ['folder', 'file', 'link'])
def test_an_existing_output_is_left_alone(what, save_state, tmp_path, fails):
  path, out = save_state(state('refiner')), tmp_path / 'run'
  if what == 'folder':
    out.mkdir()
  elif what == 'file':
    out.write_text('mine')
  else:
    out.symlink_to(tmp_path / 'nowhere')
  line = fails('convert', path, '--out', out, *FLAGS)
  assert f'{out}: already exists' in line
  assert sorted(p.name for p in tmp_path.iterdir()) == ['a.pth', 'run']


# In a process of its own: the limit holds for all threads, and Orbax leaves
# some behind when writing fails.
_LIMITED = """
import resource, sys
sys.dont_write_bytecode = True  # compiled modules would be cut off
import numpy as np
from magnet_jax.cli import main
from magnet_jax.weights import torch_files
torch_files.read = lambda path: dict(np.load(path))
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
sys.exit(main.main(['convert', *sys.argv[1:]]))
"""


def test_a_full_disk(save_state, tmp_path):
  """Writes beyond a file size limit fail like those to a full disk."""
  given = save_state(state('segmenter'))
  out = tmp_path / 'new' / 'out'
  done = subprocess.run(
    [sys.executable, '-c', _LIMITED, given, f'--out={out}', *FLAGS],
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 2, done.stderr
  (line,) = done.stderr.splitlines()
  assert f'{out}' in line and '.tmp' not in line
  assert 'cannot be written' in line
  assert not (tmp_path / 'new').exists()


def test_a_full_disk_on_the_way_back(save_state, tmp_path, fails, monkeypatch):
  run = tmp_path / 'run'
  given = save_state(state('segmenter'))
  assert main.main(['convert', str(given), f'--out={run}', *FLAGS]) == 0
  out = tmp_path / 'new' / 'out'

  def full(path, arrays):
    path.write_bytes(b'half')
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  monkeypatch.setattr(torch_files, 'write', full)
  line = fails('convert', run, '--to=pytorch', '--out', out)
  assert f'{out}' in line and '.tmp' not in line
  assert 'cannot be written' in line
  assert not (tmp_path / 'new').exists()
