"""`magnet-jax export`: files that the package itself reads again."""

import functools
import json

import jax
import numpy as np
import onnx
import pytest
from tiny_states import TINY

from magnet_jax.cli import main
from magnet_jax.export import formats
from magnet_jax.files import bundle
from magnet_jax.models import build
from magnet_jax.ops import normalise
from magnet_jax.predict import correctors, onnx_file
from magnet_jax.predict import model as models
from magnet_jax.scenes import generator
from magnet_jax.types import InputError, Meta

OWN = {'name': 'unet', 'width': 4, 'levels': 1}
COUNT = len(generator.CLASSES)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
  """A model file with a segmenter and a refiner of random weights."""
  config = {**TINY, 'segmenter': OWN}
  small, maps = (
    jax.ShapeDtypeStruct((1, 16, 16, count), np.float32) for count in (3, COUNT)
  )
  segmenter = build.segmenter(num_classes=COUNT, **OWN)
  settings = {k: v for k, v in TINY['refiner'].items() if k != 'count'}
  refiner = build.refinement(num_classes=COUNT, **settings)
  key = jax.random.key(0)
  shapes = {
    'segmenter': jax.eval_shape(segmenter.init, key, small),
    'refiner': jax.eval_shape(refiner.init, key, scale=maps, coarse=maps),
  }
  rng = np.random.default_rng(0)
  variables = jax.tree.map(
    lambda leaf: rng.uniform(0.1, 0.4, leaf.shape).astype(np.float32), shapes
  )
  path = tmp_path_factory.mktemp('model') / 'model.npz'
  bundle.export(path, variables, Meta(config, generator.CLASSES))
  return path


def export(*argv):
  assert main.main(['export', *map(str, argv)]) == 0


def test_what_is_written_is_read_again_and_segments_alike(
  trained, tmp_path, capsys
):
  out = tmp_path / 'new' / 'onnx'
  export(trained, '--out', out)
  shown = capsys.readouterr().out
  assert sorted(path.name for path in out.iterdir()) == [
    'refiner.onnx',
    'segmenter.onnx',
  ]
  assert 'images float32 [B,3,32,32]; differs from JAX by' in shown
  facts = {
    each.key: each.value
    for each in onnx.load(out / 'segmenter.onnx').metadata_props
  }
  assert json.loads(facts['classes']) == list(generator.CLASSES.names)
  assert np.allclose(
    json.loads(facts['mean']), np.multiply(255, normalise.MEAN)
  )
  host = onnx_file.load(out / 'segmenter.onnx', num_classes=COUNT, batch=2)
  images = np.random.default_rng(1).integers(0, 255, (3, 32, 32, 3), np.uint8)
  wanted = models.load(trained).segmenter(normalise.normalise(images))
  np.testing.assert_allclose(host(images), wanted, rtol=1e-4)


def test_pixels_of_any_size(trained, tmp_path):
  out = tmp_path / 'onnx'
  flags = ['--size=open', '--channels=last', '--batch=1', '--pixels']
  export(trained, '--out', out, *flags)
  host = onnx_file.load(out / 'segmenter.onnx', num_classes=COUNT)
  assert (host.normalised, host.channels, host.batch) == (False, 'last', 1)
  images = np.random.default_rng(1).integers(0, 255, (1, 39, 45, 3), np.uint8)
  wanted = models.load(trained).segmenter(normalise.normalise(images))
  np.testing.assert_allclose(host(images), wanted, rtol=1e-4)


def test_stablehlo_for_any_batch(trained, tmp_path):
  out = tmp_path / 'hlo'
  export(trained, '--out', out, '--to=stablehlo', '--size=16x24')
  images = np.random.default_rng(1).standard_normal((3, 16, 24, 3), np.float32)
  written = (out / 'segmenter.stablehlo').read_bytes()
  (found,) = formats.run_stablehlo(written, [images])
  wanted = models.load(trained).segmenter(images)
  np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_correctors_alone_need_a_size(tmp_path, fails):
  settings = {'width': 4, 'times': 1}
  made = correctors.make('iterative', settings, COUNT)
  shapes = jax.eval_shape(
    functools.partial(made.module.init, **made.inputs), jax.random.key(0)
  )
  rng = np.random.default_rng(0)
  drawn = jax.tree.map(
    lambda leaf: rng.uniform(0.1, 0.4, leaf.shape).astype(np.float32), shapes
  )
  path, out = tmp_path / 'only.npz', tmp_path / 'onnx'
  meta = Meta({'correctors': {'iterative': settings}}, generator.CLASSES)
  bundle.export(path, {'refiner_iterative': drawn}, meta)
  assert '--size: is missing' in fails('export', path, f'--out={out}')
  assert not out.exists()
  export(path, '--out', out, '--size=open')
  assert [each.name for each in out.iterdir()] == ['iterative.onnx']


def test_nothing_is_written_that_is_not_the_same():
  with pytest.raises(InputError, match=r'differs from JAX by 2.0e-04'):
    given = [np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 2, 2, 3)]
    formats.check(
      'net', lambda: [given[0] + 2e-4], lambda images: images, given
    )


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    ([], '--out'),
    (['--size=open', '--to=stablehlo'], 'StableHLO needs the size'),
    (['--channels=first', '--to=stablehlo'], 'channels last'),
    (['--size=0'], '--size'),
    (['another'], '2 names given'),
  ],
)
def test_refusals(flags, message, trained, tmp_path, fails):
  out = tmp_path / 'out'
  given = [trained, *flags, *([f'--out={out}'] if flags else [])]
  assert message in fails('export', *given)
  assert not out.exists()
