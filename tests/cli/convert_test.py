"""`magnet-jax convert`, there and back, and what may be wrong with a file."""

import functools
import pathlib
import resource

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import tiny
from magnet_jax.cli import main
from magnet_jax.io import checkpoints, torch_files, torch_weights, trees
from magnet_jax.models import build, resnet
from magnet_jax.segment import model as models

TINY = tiny.get_config().to_dict()
CLASSES = 7
FLAGS = ['--config=tiny', '--config.refiner.prior=false']
# Of somebody's own network; two levels take least time to compile.
OWN = {'name': 'unet', 'width': 4, 'levels': 1}
CONFIG = f"""
import ml_collections
from configs import tiny
def get_config():
  config = tiny.get_config()
  config.segmenter = ml_collections.ConfigDict({OWN})
  return config
"""


def drawn(shapes, seed=0):
  """Variables whose activations stay in range."""
  rng = np.random.default_rng(seed)
  flat = {}
  for key, leaf in trees.flatten(shapes).items():
    values = rng.normal(size=leaf.shape)
    if key.endswith('kernel'):
      values *= np.sqrt(2 / np.prod(leaf.shape[:-1]))
    elif key.endswith(('scale', 'var')):
      values = 1 + 0.1 * np.tanh(values)
    else:
      values *= 0.1
    flat[key] = values.astype(np.float32)
  return trees.unflatten(flat)


def initial(module, *inputs, **named):
  key = jax.random.key(0)
  return jax.eval_shape(lambda: module.init(key, *inputs, **named))


@functools.cache
def state(kind, seed=0):
  """A state as PyTorch has it, of a tiny network."""
  image = jnp.zeros((1, 64, 64, 3))
  if kind in ('segmenter', 'unet'):
    network = {'segmenter': 'fpn', 'unet': 'unet'}[kind]
    settings = {'segmenter': TINY['segmenter'], 'unet': OWN}[kind]
    module = build.segmenter(classes=CLASSES, **settings)
    shapes = initial(module, image)
  elif kind == 'refiner':
    network = 'refiner'
    maps = jnp.zeros((1, 4, 4, CLASSES))
    module = build.refinement(classes=CLASSES, width=TINY['refiner']['width'])
    shapes = initial(module, scale=maps, coarse=maps)
  else:
    network = 'resnet'
    module = resnet.RESNETS['resnet18'](width=4)
    shapes = initial(module, image)
  found = torch_weights.to_torch(drawn(shapes, seed), network)
  for key in found:
    if key.endswith('num_batches_tracked'):
      found[key] = np.array(100 + seed, np.int64)
  return found


@pytest.fixture
def save(tmp_path, monkeypatch):
  """Writes a file that is read without PyTorch; returns its path."""

  def write(path, arrays):
    with pathlib.Path(path).open('wb') as file:
      np.savez(file, **arrays)

  def read(path):
    with np.load(path) as arrays:
      return dict(arrays)

  monkeypatch.setattr(torch_files, 'read', read)
  monkeypatch.setattr(torch_files, 'write', write)

  def run(arrays, name='a.pth'):
    write(tmp_path / name, arrays)
    return tmp_path / name

  return run


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
    wrapped = {'epoch': 1, 'state_dict': {
      f'module.{key}': tensor for key, tensor in tensors.items()
    }}  # fmt: skip
    torch.save(
      wrapped, tmp_path / f'{name}.pth',
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


def test_meta_says_where_it_comes_from(save, tmp_path):
  half = {
    key: array.astype(np.float16) if array.dtype.kind == 'f' else array
    for key, array in state('segmenter').items()
  }
  convert(save(half), '--out', tmp_path / 'run', '--cast=float32', *FLAGS)
  variables, meta = checkpoints.load(tmp_path / 'run')
  assert meta['kind'] == 'segmenter' and meta['config']['segmenter']['width']
  assert len(meta['classes']['names']) == CLASSES
  origin = meta['torch']
  assert (origin['network'], origin['dtype']) == ('fpn', 'float16')
  assert set(origin['counters'][0].values()) == {100}
  found = variables['segmenter']['params']['trunk']['conv1']['kernel']
  wanted = half['resnet_backbone.conv1.weight'].astype(np.float32)
  np.testing.assert_array_equal(found, wanted.transpose(2, 3, 1, 0))


def test_a_refiner_a_stage_in_either_order(save, tmp_path, capfd):
  files = [
    save(state('refiner', seed), f'stage{seed}.pth') for seed in (2, 1)
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
  assert meta['torch']['order'] == 'coarse,scale'
  # The first classes of the file's input are Y, which our input has last.
  for leaf in ('scale', 'bias'):
    theirs = state('refiner', 2)[
      f'bn0.{"weight" if leaf == "scale" else leaf}'
    ]
    ours = params['stage1']['bn0'][leaf]
    np.testing.assert_array_equal(ours[:CLASSES], theirs[CLASSES:])
    straight = usual['refiner']['params']['stage1']['bn0'][leaf]
    np.testing.assert_array_equal(straight, theirs)
  convert(run, '--to=pytorch', '--out', tmp_path / 'back')
  convert(plain, '--to=pytorch', '--out', tmp_path / 'turned',
          '--order=coarse,scale')  # fmt: skip
  for number, seed in ((1, 2), (2, 1)):
    name = f'refiner_{number}.pth'
    same(torch_files.read(tmp_path / 'back' / name), state('refiner', seed))
    turned = torch_files.read(tmp_path / 'turned' / name)
    theirs = state('refiner', seed)['bn0.weight']
    np.testing.assert_array_equal(
      turned['bn0.weight'], np.roll(theirs, CLASSES)
    )


def test_a_trunk_and_back(save, tmp_path, capfd):
  fc = {'fc.weight': np.zeros((9, 32), np.float32),
        'fc.bias': np.zeros(9, np.float32)}  # fmt: skip
  run = tmp_path / 'run'
  convert(save(state('trunk') | fc), '--out', run)
  shown = capfd.readouterr().out
  assert 'leaves out fc.weight, fc.bias' in shown
  assert f'--config.train.segmenter.init={run}' in shown
  variables, meta = checkpoints.load(run)
  assert list(variables) == ['trunk']
  assert meta['config'] == {'segmenter': {'trunk': 'resnet18', 'width': 4}}
  assert variables['trunk']['params']['layer4_1']['conv2']['kernel'].shape == (
    3, 3, 32, 32
  )  # fmt: skip
  convert(run, '--to=safetensors', '--out', tmp_path / 'back')
  same(torch_files.read(tmp_path / 'back/trunk.safetensors'), state('trunk'))


def test_the_embedded_model_there_and_back(save, tmp_path, capfd):
  del save
  there, run, again = (tmp_path / name for name in ('there', 'run', 'again'))
  convert(models.EMBEDDED, '--to=pytorch', '--out', there)
  assert 'note: this refiner has a prior' in capfd.readouterr().out
  assert sorted(p.name for p in there.iterdir()) == [
    'refiner.pth', 'segmenter.pth'
  ]  # fmt: skip
  files = [there / 'segmenter.pth', there / 'refiner.pth']
  convert(*files, '--config=scenes', '--out', run)
  before, _ = checkpoints.load(models.EMBEDDED)
  after, _ = checkpoints.load(run)
  same(trees.flatten(after), trees.flatten(before))
  convert(run, '--to=pytorch', '--out', again)
  for file in files:
    same(torch_files.read(again / file.name), torch_files.read(file))


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
    changed('refiner', **{'module.bn0.bias': ZERO}), 'module.bn0.bias',
  ),
  'another network': ({'vit.blocks.0.weight': ZERO}, 'vit.blocks.0.weight'),
  'half': (
    changed('refiner', **{'bn0.bias': np.zeros(14, np.float16)}),
    '--cast=float32',
  ),
  'another shape': (
    changed('refiner', **{'bn1.bias': np.zeros(5, np.float32)}), '[4]',
  ),
  'not finite': (
    changed('refiner', **{'bn1.bias': np.full(4, np.nan, np.float32)}), 'NaN',
  ),
  'another class count': (
    changed('refiner', **{
      'seg_conv.weight': np.zeros((3, 8, 1, 1), np.float32)
    }),
    'has 3 classes, but the config has 7',
  ),
}  # fmt: skip


@pytest.mark.parametrize('name', BAD)
def test_bad_files(name, save, tmp_path, fails):
  arrays, words = BAD[name]
  path = save(arrays)
  line = fails('convert', path, '--out', tmp_path / 'new' / 'run', *FLAGS)
  assert 'a.pth' in line and words in line
  assert [entry.name for entry in tmp_path.iterdir()] == ['a.pth']


def test_files_that_do_not_belong_together(save, tmp_path, fails):
  segmenter = save(state('segmenter'), 'segmenter.pth')
  refiner = save(state('refiner'), 'refiner.pth')
  trunk = save(state('trunk'), 'trunk.pth')
  few = without('refiner', 'seg_conv.weight')
  few['seg_conv.weight'] = np.zeros((3, 8, 1, 1), np.float32)
  few = save(few, 'few.pth')
  flags = ['--out', tmp_path / 'run', *FLAGS]
  assert 'one segmenter more' in fails('convert', segmenter, segmenter, *flags)
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


def test_flags(save, tmp_path, fails):
  path = save(state('refiner'))
  assert 'at least one FILE' in fails('convert', '--out', tmp_path / 'run')
  assert '--out' in fails('convert', path)
  line = fails('convert', path, path, '--to=pytorch', '--out', tmp_path / 'x')
  assert 'one run' in line
  line = fails('convert', tmp_path, '--out', tmp_path / 'run')
  assert '--to=pytorch' in line
  line = fails('convert', tmp_path, '--to=pytorch', '--out', tmp_path / 'run')
  assert 'holds no checkpoint' in line
  line = fails('convert', path, '--out', tmp_path / 'run', '--network=fpn')
  assert 'network fpn, which knows no' in line
  line = fails(
    'convert', path, '--out', tmp_path / 'run', *FLAGS, '--table=dubai'
  )
  assert 'the config has 5' in line
  assert [entry.name for entry in tmp_path.iterdir()] == ['a.pth']


@pytest.mark.parametrize('what', ['folder', 'file', 'link'])
def test_an_existing_output_is_left_alone(what, save, tmp_path, fails):
  path, out = save(state('refiner')), tmp_path / 'run'
  if what == 'folder':
    out.mkdir()
  elif what == 'file':
    out.write_text('mine')
  else:
    out.symlink_to(tmp_path / 'nowhere')
  line = fails('convert', path, '--out', out, *FLAGS)
  assert f'{out}: exists already' in line
  assert sorted(p.name for p in tmp_path.iterdir()) == ['a.pth', 'run']


@pytest.mark.parametrize('to', ['orbax', 'pytorch'])
def test_a_full_disk(to, save, tmp_path, fails):
  """Writes beyond a file size limit fail like those to a full disk."""
  given = save(state('segmenter'))
  if to == 'pytorch':
    convert(given, '--out', tmp_path / 'given', *FLAGS)
    given = tmp_path / 'given'
  out = tmp_path / 'new' / 'out'
  write = torch_files.write
  torch_files.write = lambda path, _: path.write_bytes(bytes(9000))
  old = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (5000, old[1]))
  try:
    line = fails('convert', given, f'--to={to}', '--out', out, *FLAGS[:1])
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, old)
    torch_files.write = write
  assert f'{out}' in line and '.tmp' not in line
  assert 'cannot be written' in line
  assert not (tmp_path / 'new').exists()
