"""All networks of a checkpoint in files that other programs run alike."""

import functools
import json

import jax
import numpy as np
import onnx
import pytest

from magnet_jax.configs import tiny
from magnet_jax.engines import sessions
from magnet_jax.evaluate import random_model
from magnet_jax.export import formats
from magnet_jax.models import build
from magnet_jax.models.gate import make_gate
from magnet_jax.ops import normalise
from magnet_jax.predict import correctors, export_files, exported, held
from magnet_jax.predict import model as models
from magnet_jax.predict.export_files import How
from magnet_jax.scenes import generator
from magnet_jax.types import CORRECTOR, InputError, Meta

COUNT = len(generator.CLASSES)
SEGMENTER = {'name': 'unet', 'width': 4, 'levels': 1}
SLOW = CORRECTOR + 'cascade_psp'
# Wide enough for its guides not to be flat.
GUIDE = {'width': 16, 'radius': 3, 'eps': 1e-2, 'start': 'patch'}


@functools.cache
def _config():
  config = {**tiny.get_config().to_dict(), 'segmenter': SEGMENTER}
  own = {**config['correctors'], 'deep_guided': GUIDE}
  own['segfix'] = {**own['segfix'], 'certainty': 0.5, 'dtype': 'bfloat16'}
  return {**config, 'correctors': own}


def _drawn(init, rng):
  """Weights of about He's size, and statistics near 0 and 1."""

  def draw(path, leaf):
    name = path[-1].key
    if name in ('scale', 'var'):
      return rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32)
    spread = np.sqrt(2 / np.prod(leaf.shape[:-1])) if name == 'kernel' else 0.1
    return rng.normal(0, spread, leaf.shape).astype(np.float32)

  shapes = jax.eval_shape(init, jax.random.key(0))
  kept = {k: v for k, v in shapes.items() if k in ('params', 'batch_stats')}
  return jax.tree_util.tree_map_with_path(draw, kept)


@functools.cache
def _variables(gated=False):
  rng = np.random.default_rng(0)
  module = build.segmenter(num_classes=COUNT, **SEGMENTER)
  blank = np.zeros((1, 32, 32, 3), np.float32)
  found = {'segmenter': random_model.weights(rng, module, blank)}
  for name in correctors.CORRECTORS:
    made = correctors.make(name, _config()['correctors'][name], COUNT)
    init = functools.partial(made.module.init, **made.inputs)
    found[CORRECTOR + name] = _drawn(init, rng)
  if gated:
    _, init = make_gate(module, (32, 32), COUNT)
    found['refiner'] = {'params': {'gate': _drawn(init, rng)['params']}}
  return found


def _held(variables, **changes):
  meta = Meta(_config(), generator.CLASSES)
  return held.of_variables({**variables, **changes}, meta, name='model')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  """The networks of a run with a gate and correctors, for any size."""
  out = tmp_path_factory.mktemp('onnx')
  how = How('onnx', None, pixels=True, channels='last')
  # But one, which takes longest to compile.
  most = {k: v for k, v in _variables(gated=True).items() if k != SLOW}
  written = export_files.write(_held(most), out, how)
  assert all(each.difference <= formats.TOLERANCE for each in written)
  return out


def _facts(path):
  entries = onnx.load(path).metadata_props
  return {
    each.key: json.loads(each.value)
    for each in entries
    if each.key != 'producer'
  }


def _run(path, **given):
  return sessions.make('onnxruntime', path.read_bytes(), 'float32')(**given)


def test_every_network_is_written_with_what_it_sees(folder):
  inputs = {path.stem: _facts(path)['inputs'] for path in folder.iterdir()}
  assert {name: [*found] for name, found in inputs.items()} == {
    'segmenter': ['images'],
    'gate': ['fused', 'scale', 'coarse'],
    'deep_guided': ['images', 'coarse'],
    'iterative': ['images', 'coarse'],
    'segfix': ['images'],
  }
  facts = _facts(folder / 'segfix.onnx')
  assert facts['certainty'] == 0.5 and len(facts['moves']) == 8
  assert facts['classes'] == list(generator.CLASSES.names)
  assert (
    'mean' not in facts and 'as in image files' in facts['inputs']['images']
  )
  assert 'logits' in facts['outputs']


@pytest.mark.parametrize('size', [(41, 67), (30, 30), (9, 12)])
@pytest.mark.parametrize('name', ['deep_guided', 'iterative'])
def test_a_written_corrector_is_the_filter_of_the_model(name, size, folder):
  own = {k: _variables()[k] for k in ('segmenter', CORRECTOR + name)}
  meta = Meta(_config(), generator.CLASSES)
  filters = models.from_variables(own, meta, name='model').correctors
  image = generator.generate(3, size).image
  rng = np.random.default_rng(1)
  maps = np.asarray(jax.nn.softmax(rng.normal(0, 2, (*size, COUNT))))
  maps = maps.astype(np.float32)
  wanted = filters[name].apply(image, maps)
  (logits,) = _run(
    folder / f'{name}.onnx', images=image[None], coarse=maps[None]
  )
  found = np.asarray(jax.nn.softmax(logits[0]))
  np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_the_gate_of_another_size_is_that_of_the_segmenters_features(folder):
  size = (45, 70)
  image = generator.generate(3, size).image
  logits, fused = _run(folder / 'segmenter.onnx', images=image[None])
  maps = np.asarray(jax.nn.softmax(logits))
  (found,) = _run(folder / 'gate.onnx', fused=fused, scale=maps, coarse=maps)
  own = _held(_variables(gated=True))
  pixels = normalise.normalise(jax.numpy.asarray(image[None]))
  _, features = own.segmenter(pixels, features=True)
  (refiner,) = own.refiners
  wanted = refiner.variables(features, scale=maps, coarse=maps)
  np.testing.assert_allclose(found[..., 0], wanted, atol=2e-5)


def test_a_corrector_alone_of_one_size_and_batch(tmp_path):
  found = _held({SLOW: _variables()[SLOW]})
  assert found.segmenter is None and found.network is None
  how = How('onnx', (23, 40), batch=1, channels='last')
  written = export_files.write(found, tmp_path, how)
  names = [each.file for each in written]
  assert names == ['cascade_psp_whole.onnx', 'cascade_psp_crops.onnx']
  assert written[1].inputs == (
    'images float32 [1,23,40,3], masks float32 [1,23,40,1], '
    'found float32 [1,23,40,1]'
  )
  facts = _facts(tmp_path / names[0])
  assert facts['multiple_of'] == 8 and [*facts['outputs']] == [
    'full',
    'quarter',
  ]


def test_a_corrector_as_stablehlo(tmp_path):
  name = CORRECTOR + 'iterative'
  how = How('stablehlo', (9, 12), channels='last')
  (written,) = export_files.write(
    _held({name: _variables()[name]}), tmp_path, how
  )
  assert written.file == 'iterative.stablehlo' and written.difference < 1e-6


def test_examples_are_as_networks_see_them():
  parts = exported.parts(_held(_variables()), (20, 34), pixels=False)
  for part in parts:
    given = dict(zip(part.inputs, exported.example(part, 2), strict=True))
    assert {x.shape[:3] for x in given.values()} == {(2, 20, 34)}
    if 'coarse' in given:
      np.testing.assert_allclose(given['coarse'].sum(-1), 1, rtol=1e-5)
    if 'masks' in given:
      assert 0.9 < np.abs(given['masks']).max() <= 1


def test_what_is_no_network_is_refused():
  with pytest.raises(InputError, match='holds only a trunk'):
    held.of_variables({'trunk': {}}, Meta({}), name='model')


@pytest.mark.parametrize(
  'settings', [3, None, {'segfix': 3}, {'segfix': ['dtype']}]
)
def test_what_are_no_settings_is_refused_by_name(settings):
  meta = Meta({'correctors': settings})
  with pytest.raises(InputError, match=r'model: .*correctors.* must be'):
    held.of_variables({CORRECTOR + 'segfix': {}}, meta, name='model')
