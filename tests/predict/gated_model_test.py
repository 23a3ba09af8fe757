"""Models whose refiner is a gate: from a run, from a file, and combined."""

import jax
import numpy as np
import pytest

from magnet_jax import parallel
from magnet_jax.configs import tiny
from magnet_jax.evaluate import random_model
from magnet_jax.files import bundle, checkpoint_store, checkpoints
from magnet_jax.methods import table as methods
from magnet_jax.models import build
from magnet_jax.models.gate import make_gate
from magnet_jax.predict import combine
from magnet_jax.predict import model as models
from magnet_jax.scenes import generator
from magnet_jax.tuning import candidates
from magnet_jax.types import InputError, Meta
from magnet_jax.weights import conversion, torch_files, torch_weights

COUNT = len(generator.CLASSES)


def _config(fusion='scale_attention'):
  config = tiny.get_config().to_dict()
  config['segmenter'] = {'name': 'unet', 'width': 4, 'levels': 1}
  config['refine']['fusion'] = fusion
  return config


def _variables(seed):
  """Random variables of a segmenter, and those of its gate."""
  rng = np.random.default_rng(seed)
  module = build.segmenter(num_classes=COUNT, **_config()['segmenter'])
  pixels = np.zeros((1, 32, 32, 3), np.float32)
  _, init = make_gate(module, (32, 32), COUNT)
  gate = jax.tree.map(
    lambda leaf: rng.normal(0, 1, leaf.shape).astype(np.float32),
    jax.eval_shape(init, jax.random.key(0)),
  )
  return random_model.weights(rng, module, pixels), gate['params']


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """A run with a segmenter and, trained from it, a gate."""
  folder = tmp_path_factory.mktemp('run')
  before, _ = _variables(0)
  segmenter, gate = _variables(1)
  both = {kind: {'segmenter': tree} for kind, tree in segmenter.items()}
  both['params']['gate'] = gate
  tones = {'brightness': (1.0,)}
  for kind, variables in (('segmenter', before), ('refiner', both)):
    meta = Meta(_config(), generator.CLASSES, kind, tones=tones)
    with checkpoint_store.CheckpointStore(
      folder / kind / 'checkpoints'
    ) as store:
      store.save(1, {'average': variables}, meta)
  return folder, segmenter, gate


def _same(one, other):
  jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.parametrize('part', ['', 'refiner'])
def test_a_gate_brings_its_segmenter(run, part):
  folder, segmenter, gate = run
  variables, meta = checkpoints.load(folder / part)
  assert [*variables] == ['segmenter', 'refiner'] and meta.kind == 'refiner'
  assert meta.tones == {'brightness': (1.0,)}
  _same(variables['segmenter'], segmenter)
  _same(variables['refiner'], {'params': {'gate': gate}})
  # The one before is still there, on its own.
  alone, _ = checkpoints.load(folder / 'segmenter')
  _same(alone['segmenter'], _variables(0)[0])


def test_an_exported_model_is_the_same(run, tmp_path, monkeypatch):
  monkeypatch.setattr(parallel, 'device_count', lambda: 1)
  folder, *_ = run
  bundle.export(tmp_path / 'model.npz', *checkpoints.load(folder))
  image = np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)
  one, other = (models.load(path) for path in (folder, tmp_path / 'model.npz'))
  plan = one.plan((50, 50))
  found = one.cascade().segment(image, plan)
  np.testing.assert_array_equal(other.cascade().segment(image, plan), found)
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
  mean = one.cascade(fusion='mean').segment(image, plan)
  assert np.abs(mean - found).max() > 0.01
  with pytest.raises(InputError, match='fusion magnet: the model has no'):
    one.cascade(fusion='magnet')


def test_its_plans_are_candidates_of_tune(run):
  model = models.load(run[0])
  assert 'magnet' in methods.possible(model)
  tried = candidates.of(model, (0.5,))
  assert set(tried.refined) >= {
    'scale attention',
    'scale attention 0.5-1 half-octave',
    'scale attention 0.5-1 octave, 50% of each stage',
  }
  for way in tried.refined.values():
    chosen = model.with_way(way)
    assert chosen.settings['refine']['fusion'] == 'scale_attention'
    chosen.plan((80, 80))


def test_a_fusion_without_its_gate_is_no_method(run, tmp_path):
  folder, segmenter, _ = run
  meta = Meta(_config(), generator.CLASSES)
  bundle.export(tmp_path / 'model.npz', {'segmenter': segmenter}, meta)
  model = models.load(tmp_path / 'model.npz')
  assert 'magnet' not in methods.possible(model)
  with pytest.raises(InputError, match=r'train one with refine\.fusion=scale_'):
    model.cascade()
  with pytest.raises(InputError, match=r'gate on features.*--checkpoint='):
    combine.load(str(tmp_path / 'model.npz'), str(folder))
  with pytest.raises(InputError, match=r'gate on features.*--checkpoint='):
    combine.load('numpy:sin', str(folder))


@pytest.mark.parametrize('without', ['gate', 'decide'])
def test_a_damaged_gate(run, tmp_path, without):
  variables, meta = checkpoints.load(run[0])
  gate = {k: v for k, v in run[2].items() if k != without}
  if without == 'gate':
    gate['look'] = {**gate['look'], 'bias': np.zeros(3, np.float32)}
  variables['refiner'] = {'params': {'gate': gate}}
  bundle.export(tmp_path / 'model.npz', variables, meta)
  with pytest.raises(InputError, match=r"model\.npz: refiner\['params'\]"):
    models.load(tmp_path / 'model.npz')


def test_a_gate_has_no_counterpart_in_pytorch(run, tmp_path, monkeypatch):
  """Its segmenter has, which is not the one that the training began with."""
  folder, segmenter, _ = run
  states = {}
  monkeypatch.setattr(
    torch_files, 'write', lambda path, state: states.update({path: state})
  )
  (written,) = conversion.to_files(folder, tmp_path, suffix='.pth')
  assert 'gate of scale attention' in written.notes[0]
  found = states[tmp_path / 'segmenter.pth']
  wanted = torch_weights.to_torch(segmenter, written.network, None)
  assert found.keys() == wanted.keys()
  for name, array in wanted.items():
    np.testing.assert_array_equal(found[name], array)
