"""`magnet-jax convert`, in both directions."""

import json

import numpy as np
import PIL.Image
import pytest
from tiny_states import CLASSES, FLAGS, OWN, state

from magnet_jax.cli import main
from magnet_jax.data import class_files
from magnet_jax.files import checkpoints, images, trees
from magnet_jax.predict import model as models
from magnet_jax.weights import torch_files

KINDS = ('segmenter', 'refiner')
CONFIG = f"""
import ml_collections
from magnet_jax.configs import tiny
def get_config():
  config = tiny.get_config()
  config.segmenter = ml_collections.ConfigDict({OWN})
  return config
"""


def convert(*argv):
  assert main.main(['convert', *map(str, argv)]) == 0


def same(found, wanted):
  assert found.keys() == wanted.keys()
  for key, array in wanted.items():
    assert found[key].dtype == array.dtype, key
    assert found[key].shape == array.shape, key
    assert found[key].tobytes() == array.tobytes(), key


@pytest.mark.parametrize('to', ['pytorch', 'safetensors'])
def test_pytorch_to_a_model_that_segments_and_back(to, tmp_path, capfd):
  torch = pytest.importorskip(
    'torch', reason='PyTorch is missing: converting real files is not tested'
  )
  parts = {'segmenter': state('unet'), 'refiner': state('refiner')}
  config = tmp_path / 'own.py'
  config.write_text(CONFIG)
  for name, arrays in parts.items():
    tensors = {k: torch.from_numpy(a.copy()) for k, a in arrays.items()}
    wrapped = {
      'epoch': 1,
      'state_dict': {
        f'module.{key}': tensor for key, tensor in tensors.items()
      },
    }
    torch.save(
      wrapped,
      tmp_path / f'{name}.pth',
      _use_new_zipfile_serialization=to == 'pytorch',
    )
  run, back = tmp_path / 'runs' / 'mine', tmp_path / 'back'
  files = [tmp_path / f'{name}.pth' for name in parts]
  convert(*files, '--out', run, '--config', config, *FLAGS[1:])
  shown = capfd.readouterr().out
  assert 'unet, 40 tensors, 7 classes' in shown
  assert f'--checkpoint={run}' in shown.splitlines()[-1]
  assert sorted(p.name for p in run.iterdir()) == ['refiner', 'segmenter']
  convert(run, f'--to={to}', '--out', back)
  for name, arrays in parts.items():
    path = back / f'{name}{torch_files.SUFFIXES[to]}'
    same(torch_files.read(path), arrays)
  if to == 'pytorch':
    model = models.load(run)
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    label = models.segment_image(model, image)
    assert label.shape == (64, 64) and len(np.unique(label)) > 1


def test_meta_says_where_it_comes_from(save_state, tmp_path):
  half = {
    key: array.astype(np.float16) if array.dtype.kind == 'f' else array
    for key, array in state('segmenter').items()
  }
  convert(save_state(half), '--out', tmp_path / 'run', '--cast=float32', *FLAGS)
  variables, meta = checkpoints.load(tmp_path / 'run')
  assert meta.kind == 'segmenter' and meta.section('segmenter')['width']
  assert len(meta.classes) == CLASSES
  origin = meta.torch
  assert (origin.network, origin.dtype) == ('fpn', 'float16')
  assert set(origin.counters[0].values()) == {100}
  found = variables['segmenter']['params']['trunk']['conv1']['kernel']
  wanted = half['resnet_backbone.conv1.weight'].astype(np.float32)
  np.testing.assert_array_equal(found, wanted.transpose(2, 3, 1, 0))


def test_a_refiner_a_stage_in_either_order(save_state, tmp_path, capfd):
  files = [
    save_state(state('refiner', seed), f'stage{seed}.pth') for seed in (2, 1)
  ]
  flags = [*FLAGS, '--config.refiner.count=2']
  plain, run = tmp_path / 'plain', tmp_path / 'run'
  convert(*files, '--out', plain, *flags)
  convert(*files, '--out', run, *flags, '--order=coarse,scale')
  assert '--refiner=' in capfd.readouterr().out.splitlines()[-1]
  usual, _ = checkpoints.load(plain)
  variables, meta = checkpoints.load(run)
  params = variables['refiner']['params']
  assert sorted(params) == ['stage1', 'stage2']
  assert meta.torch.order == 'coarse,scale'
  # The first classes of the file's input are Y, which our input has last.
  for leaf in ('scale', 'bias'):
    theirs = state('refiner', 2)[f'bn0.{"weight" if leaf == "scale" else leaf}']
    ours = params['stage1']['bn0'][leaf]
    np.testing.assert_array_equal(ours[:CLASSES], theirs[CLASSES:])
    straight = usual['refiner']['params']['stage1']['bn0'][leaf]
    np.testing.assert_array_equal(straight, theirs)
  convert(run, '--to=pytorch', '--out', tmp_path / 'back')
  convert(
    plain, '--to=pytorch', '--out', tmp_path / 'turned', '--order=coarse,scale'
  )
  for number, seed in ((1, 2), (2, 1)):
    name = f'refiner_{number}.pth'
    same(torch_files.read(tmp_path / 'back' / name), state('refiner', seed))
    turned = torch_files.read(tmp_path / 'turned' / name)
    theirs = state('refiner', seed)['bn0.weight']
    np.testing.assert_array_equal(
      turned['bn0.weight'], np.roll(theirs, CLASSES)
    )


def test_a_trunk_and_back(save_state, tmp_path, capfd):
  fc = {
    'fc.weight': np.zeros((9, 32), np.float32),
    'fc.bias': np.zeros(9, np.float32),
  }
  run = tmp_path / 'run'
  convert(save_state(state('trunk') | fc), '--out', run)
  shown = capfd.readouterr().out
  assert 'leaves out fc.weight, fc.bias' in shown
  assert f'--config.train.segmenter.init={run}' in shown
  variables, meta = checkpoints.load(run)
  assert list(variables) == ['trunk']
  assert meta.config == {'segmenter': {'trunk': 'resnet18', 'width': 4}}
  assert variables['trunk']['params']['layer4_1']['conv2']['kernel'].shape == (
    3,
    3,
    32,
    32,
  )
  convert(run, '--to=safetensors', '--out', tmp_path / 'back')
  same(torch_files.read(tmp_path / 'back/trunk.safetensors'), state('trunk'))


def test_the_embedded_model_there_and_back(save_state, tmp_path, capfd):
  del save_state
  there, run, again = (tmp_path / name for name in ('there', 'run', 'again'))
  convert('scenes', '--to=pytorch', '--out', there)
  assert 'note: the gate of scale attention' in capfd.readouterr().out
  (file,) = there.iterdir()
  assert file.name == 'segmenter.pth'
  convert(file, '--config=scenes', '--out', run)
  before, _ = checkpoints.load('scenes')
  after, _ = checkpoints.load(run)
  same(trees.flatten(after['segmenter']), trees.flatten(before['segmenter']))
  convert(run, '--to=pytorch', '--out', again)
  same(torch_files.read(again / file.name), torch_files.read(file))


def test_one_file_of_8_bits_per_weight(save_state, tmp_path, capfd):
  files = [save_state(state(kind), f'{kind}.pth') for kind in KINDS]
  run = tmp_path / 'run'
  convert(*files, '--out', run, *FLAGS)
  paths = {bits: tmp_path / 'new' / f'{bits}.npz' for bits in (32, 8)}
  convert(run, '--to=npz', '--out', paths[32])
  capfd.readouterr()
  convert(paths[32], '--to=npz', '--bits=8', '--out', paths[8])
  shown = capfd.readouterr().out
  assert f'{paths[8]}: segmenter and refiner, 8 bits per weight' in shown
  assert f'--checkpoint={paths[8]}' in shown.splitlines()[-1]
  (before, meta), (whole, same_meta), (rounded, _) = (
    checkpoints.load(path) for path in (run, *paths.values())
  )
  assert same_meta == meta
  same(trees.flatten(whole), trees.flatten(before))
  for kind in KINDS:
    label = f'{kind}/params/'
    for name, array in trees.flatten(before).items():
      if name.startswith(label):
        limit = np.abs(array).max() / 254 * 1.001 * name.endswith('kernel')
        gap = trees.flatten(rounded)[name] - array
        assert np.abs(gap).max() <= limit, name
  assert models.load(paths[8]).classes == meta.classes


def test_a_converted_model_knows_what_labels_hold(save_state, tmp_path):
  """Values 10, 20, … of label files are not the indices of the classes."""
  rows = [
    {'name': f'class {i}', 'colour': [i, i, i], 'labels': [10 * (i + 1)]}
    for i in range(CLASSES)
  ]
  table = tmp_path / 'table.json'
  table.write_text(json.dumps({'classes': rows, 'unscored': ['class 1']}))
  files = [save_state(state(kind), f'{kind}.pth') for kind in KINDS]
  run = tmp_path / 'run'
  convert(*files, '--out', run, f'--table={table}', *FLAGS)
  found = models.load(run).classes
  assert found == class_files.read(table)
  cells = np.array([[10, 70], [20, 10]], np.uint8)
  PIL.Image.fromarray(cells).save(tmp_path / 'label.png')
  label = images.read_label(tmp_path / 'label.png', found)
  assert label.tolist() == [[0, 6], [1, 0]]
