"""Each fault in a meta gives one line, with the file and the value."""

import copy
import json

import numpy as np
import pytest

from magnet_jax.cli import main
from magnet_jax.evaluate import random_model
from magnet_jax.files import bundle, checkpoint_store, images
from magnet_jax.models import build
from magnet_jax.predict import combine
from magnet_jax.predict import model as models
from magnet_jax.scenes import generator
from magnet_jax.types import IGNORE, ClassTable, InputError, LabelCodes, Meta

COUNT = 3
PLAN = {
  'network': (32, 32),
  'window': (0, 0),
  'factor': 2.0,
  'stages': 0,
  'scales': (),
  'overlap': 0.0,
}
REFINE = {'points': 0.9, 'selection': 'window', 'kernel': 5, 'windows': 1.0}
CONFIG = {
  'plan': PLAN,
  'refine': {**REFINE, 'batch': 0},
  'segmenter': {'name': 'unet', 'width': 4, 'levels': 1},
  'refiner': {'width': 4},
  'data': {'kind': 'scenes', 'classes': 'scenes', 'colours': False},
}
TABLE = ClassTable(
  names=('soil', 'weed', 'crop'),
  colours=((110, 84, 62), (220, 50, 47), (60, 180, 75)),
  codes=LabelCodes(((0,), (7, 9), (4,)), ignored=(IGNORE,)),
)
TORCH = {'network': 'refiner', 'dtype': 'float32'}
GONE = object()

# (key, value, what the message says); a key is a path into the JSON.
DAMAGE = [
  ('', [1, 2], 'meta is [1, 2]: must be an object'),
  ('', None, 'meta is None: must be an object'),
  ('', 'refiner', "meta is 'refiner'"),
  ('', {}, 'meta.classes is missing'),
  ('surplus', 1, 'meta.surplus: unknown; choose one of config'),
  ('format', 2, 'meta.format is 2: must be 1'),
  ('format', 'new', "meta.format is 'new'"),
  ('kind', 'other', "kind 'other': unknown; must be one of trunk, segmenter"),
  ('kind', 3, 'meta.kind is 3: must be text'),
  ('config', GONE, 'config.plan is None: must be settings by name'),
  ('config', [], 'meta.config is []: must be an object'),
  ('config/plan', GONE, 'config.plan is None'),
  ('config/plan', [32, 32], 'config.plan is (32, 32)'),
  ('config/plan/network', GONE, 'plan.network: is missing'),
  ('config/plan/network', 32, 'plan.network is 32: must be a list of 2'),
  (
    'config/plan/network',
    [32],
    'plan.network is (32,): must be (height, width)',
  ),
  ('config/plan/network', [32, -32], 'network is (32, -32)'),
  ('config/plan/network', [32, '32'], "plan.network is (32, '32')"),
  ('config/plan/network', [32.5, 32], 'plan.network is (32.5, 32)'),
  ('config/plan/window', [-1, 5], 'window is (-1, 5)'),
  ('config/plan/factor', 1, 'factor is 1: must be a number of 1.01'),
  ('config/plan/factor', 'two', "factor 'two': unknown"),
  ('config/plan/factor', float('nan'), 'factor is nan: must be a finite'),
  ('config/plan/stages', -1, 'stages is -1: must be a whole number of 0'),
  ('config/plan/stages', 2.5, 'plan.stages is 2.5: must be a whole number'),
  ('config/plan/scales', 5, 'plan.scales is 5: must be a list'),
  ('config/plan/scales', [[0, 4]], 'scales is ((0, 4),)'),
  ('config/plan/scales', [[8]], 'plan.scales is ((8,),): must be (height'),
  ('config/plan/overlap', 1, 'overlap is 1: must be a number of 0 to'),
  ('config/plan/zoom', 2, 'plan.zoom: unknown; choose one of network'),
  ('config/refine', None, 'config.refine is None'),
  ('config/refine/points', 1.5, 'points is 1.5'),
  ('config/refine/points', 'many', "points 'many'"),
  ('config/refine/points', None, 'refine.points is None: must be a finite'),
  ('config/refine/points', [0.5], 'refine.points is (0.5,)'),
  ('config/refine/points', True, 'refine.points is True'),
  ('config/refine/selection', 'row', "selection 'row': must be one of"),
  ('config/refine/kernel', 4, 'kernel is 4: must be an odd number'),
  ('config/refine/kernel', 5.0, 'refine.kernel is 5.0: must be an odd'),
  ('config/refine/windows', 0, 'windows 0'),
  ('config/refine/window_score', 'x', "window_score 'x': unknown; choose"),
  ('config/refine/min_uncertainty', 2, 'min_uncertainty is 2'),
  ('config/refine/batch', -1, 'batch is -1'),
  ('config/refine/batch', {}, 'refine.batch is {}'),
  ('config/refine/kernal', 5, 'refine.kernal: unknown; choose one of points'),
  ('config/segmenter', 'unet', "config.segmenter is 'unet'"),
  ('config/segmenter/name', 'vit', "segmenter 'vit': unknown; choose one of"),
  ('config/segmenter/name', 5, 'segmenter.name is 5: must be text'),
  ('config/segmenter/depth', 5, 'segmenter.depth: unknown'),
  ('config/segmenter/classes', 5, 'segmenter.classes: unknown'),
  ('config/segmenter/width', 8, 'has shape'),
  ('config/segmenter/width', -4, 'segmenter.width is -4: must be a whole'),
  ('config/segmenter/width', 'wide', 'segmenter.width is '),
  ('config/segmenter/width', [4], 'segmenter.width is '),
  ('config/segmenter/dtype', 'int8', "dtype 'int8': unknown"),
  ('config/refiner', GONE, 'config.refiner is None'),
  ('config/refiner/count', 0, 'refiner.count is 0: must be a whole'),
  ('config/refiner/count', '1', "refiner.count '1'"),
  ('config/refiner/count', 2, 'refiner'),
  ('config/refiner/width', 'x', "refiner.width is 'x': must be a whole"),
  ('config/refiner/width', 0, 'refiner.width is 0: must be a whole'),
  ('config/refiner/prior', 'no', "refiner.prior is 'no': must be true or"),
  ('config/refiner/depth', 2, 'refiner.depth: unknown; choose one of width'),
  ('classes', GONE, 'meta.classes is missing'),
  ('classes', ['soil', 'weed'], "meta.classes is ['soil', 'weed']"),
  ('classes/names', GONE, 'meta.classes.names: is missing'),
  ('classes/names', 'soil', "meta.classes.names is 'soil': must be a list"),
  ('classes/names', [1, 2, 3], 'meta.classes.names[0] is 1: must be text'),
  ('classes/names', [], 'class table of 0 names'),
  ('classes/names', ['soil'], 'class table of 1 names and 3 colours'),
  ('classes/colours', [[1, 2, 3]], '3 names and 1 colours'),
  ('classes/colours', [[1, 2]] * 3, 'colours[0] is [1, 2]: must be a list'),
  ('classes/colours', [[1, 2, 256]] * 3, "'soil': colour [1, 2, 256]"),
  ('classes/colours', ['red'] * 3, "meta.classes.colours[0] is 'red'"),
  ('classes/unscored', [3], 'unscored classes (3,): must be indices below 3'),
  ('classes/unscored', ['soil'], "meta.classes.unscored[0] is 'soil'"),
  ('classes/codes', 'none', "meta.classes.codes is 'none'"),
  ('classes/codes/classes', [[0], [1]], 'label codes of 2'),
  ('classes/codes/classes', [[0], [1], ['b']], "codes.classes[2][0] is 'b'"),
  ('classes/codes/classes', [[0], [1], [0]], 'belongs to two classes'),
  ('classes/codes/classes', [[0], [1], [[1, 2, 3]]], 'all values or all'),
  ('classes/codes/classes', [[0], [1], [2**40]], 'must fit into 32 bits'),
  ('classes/codes/tolerance', -1, 'tolerance -1'),
  ('torch', ['a'], "meta.torch is ['a']"),
  ('torch', {'network': 'unet'}, 'meta.torch.dtype: is missing'),
  ('versions', {'jax': 1}, 'meta.versions.jax is 1: must be text'),
]


def _weights(kind):
  rng = np.random.default_rng(0)
  if kind == 'segmenter':
    pixels = np.zeros((1, 64, 64, 3), np.float32)
    network = build.segmenter(num_classes=COUNT, **CONFIG['segmenter'])
    return random_model.weights(rng, network, pixels)
  maps = np.zeros((1, 8, 8, COUNT), np.float32)
  network = build.refinement(num_classes=COUNT, **CONFIG['refiner'])
  return random_model.weights(rng, network, scale=maps, coarse=maps)


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
  """A model that loads."""
  path = tmp_path_factory.mktemp('whole') / 'model.npz'
  variables = {kind: _weights(kind) for kind in ('segmenter', 'refiner')}
  bundle.export(path, variables, Meta(CONFIG, TABLE))
  assert len(models.load(path).refiners) == 1
  return path


def _stored(path):
  with np.load(path) as stored:
    arrays = dict(stored)
  return arrays, json.loads(arrays.pop('__meta__').tobytes())


def _changed(content, key, value):
  if not key:
    return value
  content = copy.deepcopy(content)
  *parents, last = key.split('/')
  inner = content
  for parent in parents:
    inner = inner[parent]
  if value is GONE:
    del inner[last]
  else:
    inner[last] = value
  return content


def _write(path, arrays, content):
  text = content if isinstance(content, bytes) else json.dumps(content).encode()
  np.savez(path, **arrays, __meta__=np.frombuffer(text, np.uint8))


def _refused(path):
  with pytest.raises(InputError) as caught:
    models.load(path)
  line = str(caught.value)
  assert '\n' not in line and str(path) in line
  return line


@pytest.mark.parametrize(('key', 'value', 'words'), DAMAGE)
def test_damage_is_one_line(whole, tmp_path, key, value, words):
  arrays, content = _stored(whole)
  path = tmp_path / 'model.npz'
  _write(path, arrays, _changed(content, key, value))
  assert words in _refused(path)


@pytest.mark.parametrize(
  'text', [b'', b'{"kind": "refi', b'\xff\xfe', b'[' * 9999]
)
def test_what_is_not_json(whole, tmp_path, text):
  arrays, _ = _stored(whole)
  _write(tmp_path / 'model.npz', arrays, text)
  assert 'not a model file' in _refused(tmp_path / 'model.npz')


def test_foreign_archives(tmp_path):
  path = tmp_path / 'model.npz'
  for arrays in ({}, {'a': np.zeros(3)}, {'__meta__': np.array(['x'])}):
    np.savez(path, **arrays)
    assert 'not a model file' in _refused(path)
  # Names of arrays that are parts of one another, as of no tree.
  arrays = {'a': np.zeros(3), 'a/b': np.zeros(3)}
  _write(path, arrays, {'config': CONFIG})
  assert 'not a model file' in _refused(path)


@pytest.mark.parametrize(
  ('value', 'words'),
  [
    (np.zeros(3), 'classify'),
    (np.array('weights'), 'weights must be floating-point numbers'),
    (np.zeros(COUNT, np.int64), 'weights must be floating-point numbers'),
    (np.full(COUNT, np.inf, np.float32), 'NaN or infinity'),
  ],
)
def test_weights_of_another_kind(whole, tmp_path, value, words):
  arrays, content = _stored(whole)
  name = next(k for k in arrays if k.endswith(('classify/bias', 'final/bias')))
  value = np.broadcast_to(value, (COUNT,)) if not value.ndim else value
  if value.dtype == float:
    del arrays[name]
    words = name.rsplit('/', 2)[1]
  else:
    arrays[name] = value
  path = tmp_path / 'model.npz'
  _write(path, arrays, content)
  assert words in _refused(path)


def test_checkpoints_of_a_folder(tmp_path):
  with checkpoint_store.CheckpointStore(tmp_path) as store:
    store.save(1, {'average': {'params': np.zeros(1)}}, Meta())
  stored = tmp_path / '1' / 'meta' / 'metadata'
  assert stored.exists()
  for text in ('3', '[]', '{"kind": "x"}', '{"config": NaN}', '', '{'):
    stored.write_text(text)
    assert str(tmp_path / '1') in _refused(tmp_path)


def test_what_the_versions_before_wrote(whole, tmp_path):
  """Without kind, format, versions, codes, unscored, count and the like."""
  arrays, content = _stored(whole)
  for key in ('format', 'versions'):
    del content[key]
  for key in ('codes', 'unscored', 'ignore_label'):
    content['classes'].pop(key, None)
  del content['config']['segmenter']['levels'], content['config']['data']
  content['config']['segmenter']['levels'] = 1
  _write(tmp_path / 'model.npz', arrays, content)
  found = models.load(tmp_path / 'model.npz')
  assert found.classes == ClassTable(TABLE.names, TABLE.colours)
  assert found.network == (32, 32)
  embedded = models.load('scenes')
  assert embedded.classes == generator.CLASSES and embedded.refiners


def test_the_commands_print_the_line(whole, tmp_path, capfd):
  pytest.importorskip('safetensors')
  images.write_image(tmp_path / 'a.png', np.zeros((40, 40, 3), np.uint8))
  arrays, content = _stored(whole)
  path = tmp_path / 'model.npz'
  flags = [f'--checkpoint={path}']
  out = ['--out', str(tmp_path / 'out')]
  commands = {
    'segment': [str(tmp_path / 'a.png'), *flags, *out],
    'evaluate': [f'--images={tmp_path}', *flags],
    'tune': flags,
    'convert': [str(path), '--to=safetensors', *out],
    'bench': [*flags, '--size=64', '--repeats=1'],
  }
  damage = [
    ('config/segmenter', 5),
    ('classes/names', 7),
    ('config/refiner', 0),
  ]
  for key, value in damage:
    _write(path, arrays, _changed(content, key, value))
    for command, argv in commands.items():
      assert main.main([command, *argv]) == 2
      printed = capfd.readouterr().err.strip().splitlines()
      assert str(path) in printed[-1] and 'Traceback' not in printed, printed


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    ({'config/refiner/count': 2}, 'must be those of 2 stages'),
    ({'config/segmenter/name': 'vit'}, "segmenter 'vit': has no names"),
    (
      {'kind': 'refiner', 'torch': {**TORCH, 'counters': [{}, {}]}},
      'meta.torch.counters of 2 networks: must be of 1',
    ),
    (
      {'kind': 'refiner', 'torch': {**TORCH, 'counters': [{'a': 'b'}]}},
      "meta.torch.counters[0].a is 'b': must be a whole number",
    ),
  ],
)
def test_the_way_back_to_pytorch(whole, tmp_path, capfd, changes, words):
  pytest.importorskip('safetensors')
  arrays, content = _stored(whole)
  for key, value in changes.items():
    content = _changed(content, key, value)
  path = tmp_path / 'model.npz'
  _write(path, arrays, content)
  out = tmp_path / 'out'
  argv = ['convert', str(path), '--to=safetensors', f'--out={out}']
  assert main.main(argv) == 2
  printed = capfd.readouterr().err.strip().splitlines()
  assert len(printed) == 1 and str(path) in printed[0] and words in printed[0]
  assert not out.exists()


def test_settings_chosen_for_a_damaged_refiner(whole, tmp_path):
  arrays, content = _stored(whole)
  path = tmp_path / 'other.npz'
  _write(path, arrays, _changed(content, 'config/refine/batch', 'all'))
  with pytest.raises(InputError, match=r"other\.npz.*batch is 'all'"):
    combine.load(str(whole), str(path))
