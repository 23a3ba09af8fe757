"""Networks are only built here, from weights and shapes: nothing compiles."""

import jax
import numpy as np
import onnx_network
import pytest

from magnet_jax.configs import tiny
from magnet_jax.evaluate import random_model
from magnet_jax.files import bundle
from magnet_jax.models import build
from magnet_jax.predict import combine
from magnet_jax.scenes import generator
from magnet_jax.types import ClassTable, InputError, Meta

NAMES = generator.CLASSES.names


def export(path, *, width, points, network, names=NAMES, without=()):
  """An exported model with random weights; returns its variables."""
  config = tiny.get_config().to_dict()
  config['segmenter'] = {'name': 'unet', 'width': width, 'levels': 1}
  config['refiner']['width'] = width
  config['refine']['points'] = points
  config['plan']['network'] = network
  count = len(names)
  pixels = np.zeros((1, 64, 64, 3), np.float32)
  maps = np.zeros((1, 8, 8, count), np.float32)
  rng = np.random.default_rng(width)
  variables = {
    'segmenter': random_model.weights(
      rng, build.segmenter(num_classes=count, **config['segmenter']), pixels
    ),
    'refiner': random_model.weights(
      rng, _refinement(count, config), scale=maps, coarse=maps
    ),
  }
  for kind in without:
    del variables[kind]
  colours = generator.CLASSES.colours[:count]
  tones = {'brightness': (float(width),)}
  meta = Meta(config, ClassTable(names, colours), tones=tones)
  bundle.export(path, variables, meta)
  return variables


def _refinement(classes, config):
  wanted = {k: v for k, v in config['refiner'].items() if k != 'count'}
  return build.refinement(num_classes=classes, **wanted)


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
  """Two models with both networks: their files, and their variables."""
  folder = tmp_path_factory.mktemp('exported')
  paths = folder / 'a.npz', folder / 'b.npz'
  first = export(paths[0], width=4, points=0.9, network=(32, 32))
  second = export(paths[1], width=6, points=0.5, network=(48, 48))
  return [str(path) for path in paths], [first, second]


@pytest.fixture
def paths(exported):
  return exported[0]


def assert_same(network, variables):
  """Compares what a network of a model is bound to."""
  for one, other in zip(
    jax.tree.leaves(network), jax.tree.leaves(variables), strict=True
  ):
    np.testing.assert_array_equal(one, other)


def test_each_network_brings_its_own(exported):
  paths, (first, second) = exported
  model, meta = combine.load(*paths)
  assert model.network == (32, 32)
  assert model.settings['refine']['points'] == 0.5
  assert model.tones == {'brightness': (4.0,)}
  assert meta.section('segmenter')['width'] == 4
  assert meta.section('refiner')['width'] == 6
  assert_same(model.segmenter, first['segmenter'])
  (refiner,) = model.refiners
  assert_same(refiner, second['refiner'])


def test_a_segmenter_alone_leaves_its_own_refiner(paths):
  model, _ = combine.load(paths[0], None)
  assert model.refiners == () and model.network == (32, 32)


def kernel(classes=7):
  return np.ones((1, 1, 3, classes), np.float32)


@pytest.mark.parametrize(
  ('size', 'network'), [((24, 20), (24, 20)), (('h', 'w'), (48, 48))]
)
def test_an_onnx_file_takes_the_rest_from_the_refiner(
  paths, tmp_path, size, network
):
  path = str(onnx_network.write(tmp_path / 'n.onnx', kernel(), size=size))
  model, _ = combine.load(path, paths[1])
  assert model.network == network
  assert model.settings['refine']['points'] == 0.5
  assert model.classes.names == NAMES
  assert len(model.refiners) == 1 and not model.tones
  assert (model.segmenter.num_classes, model.segmenter.batch) == (len(NAMES), 1)
  model, _ = combine.load(path, paths[1], batch=3)
  assert model.segmenter.batch == 3


def fails(*arguments):
  with pytest.raises(InputError) as caught:
    combine.load(*map(str, arguments))
  line = str(caught.value)
  assert '\n' not in line
  return line


def test_other_classes(paths, tmp_path):
  other = tmp_path / 'c.npz'
  export(other, width=4, points=1, network=(32, 32), names=('soil', 'weed'))
  line = fails(paths[0], other)
  assert paths[0] in line and str(other) in line
  assert '7 classes' in line and '2 classes soil, weed' in line
  renamed = tmp_path / 'd.npz'
  names = ('sky', *NAMES[1:])
  export(renamed, width=4, points=1, network=(32, 32), names=names)
  assert 'must be the same' in fails(paths[0], renamed)
  path = onnx_network.write(tmp_path / 'n.onnx', kernel(5))
  line = fails(path, paths[1])
  assert '5 classes' in line and '7 classes' in line


def test_what_is_missing(paths, tmp_path):
  for kind in ('segmenter', 'refiner'):
    path = tmp_path / f'no_{kind}.npz'
    export(path, width=4, points=1, network=(32, 32), without=[kind])
    pair = [path, paths[1]] if kind == 'segmenter' else [paths[0], path]
    line = fails(*pair)
    assert str(path) in line and f'but a {kind} is needed' in line
  assert 'no such file' in fails(tmp_path / 'gone.npz', paths[1])
  assert 'no such file' in fails(paths[0], tmp_path / 'gone.npz')


def test_a_segmenter_from_elsewhere_needs_a_refiner(paths, tmp_path):
  path = onnx_network.write(tmp_path / 'n.onnx', kernel())
  with pytest.raises(InputError, match='add --refiner'):
    combine.load(str(path), None)
  assert 'has no refiner' in fails(paths[0], path)


def test_it_is_tried_out(paths, tmp_path):
  bad = kernel() * np.nan
  path = onnx_network.write(tmp_path / 'n.onnx', bad)
  assert 'NaN' in fails(path, paths[1])
