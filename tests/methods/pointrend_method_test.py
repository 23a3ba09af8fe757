import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy_model

from magnet_jax.evaluate.compiles import CompileCounter
from magnet_jax.methods import method as methods
from magnet_jax.methods import table
from magnet_jax.models import pointrend, resnet
from magnet_jax.types import InputError


@pytest.fixture(name='model', scope='module')
def make_model():
  toy = toy_model.make()
  module = pointrend.PointRend(
    resnet.ResNet((1,), resnet.BasicBlock, width=4),
    len(toy.classes),
    pyramid=4,
    head=4,
    units=4,
  )
  shapes = jax.eval_shape(
    module.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3))
  )
  rng = np.random.default_rng(0)
  variables = jax.tree.map(
    lambda leaf: rng.uniform(0.1, 1, leaf.shape).astype(np.float32), shapes
  )
  segmenter = jax.tree_util.Partial(module.apply, variables)
  return dataclasses.replace(toy, segmenter=segmenter)


@pytest.mark.parametrize('start', ['downsample', 'patch'])
def test_it_is_its_start_on_windows_that_the_head_refines(model, start):
  image = toy_model.sample(size=(40, 50)).image
  settings = {'start': start, 'overlap': 0.5}
  method = table.make(model, ['pointrend'], head_points=99, **settings)
  results = []
  found, seen = method['pointrend'].segment(image, results.append)
  assert found.shape == (40, 50, len(model.classes))
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
  np.testing.assert_array_equal(results[-1].probabilities, found)
  assert seen == len(results[-1].windows)
  refined = dataclasses.replace(
    model,
    segmenter=jax.tree_util.Partial(
      functools.partial(model.segmenter.func, decided=99),
      *model.segmenter.args,
    ),
  )
  (wanted, also), (coarse, _) = (
    table.make(each, [start], overlap=0.5)[start].segment(image)
    for each in (refined, model)
  )
  assert seen == also
  np.testing.assert_array_equal(found, wanted)
  assert np.abs(found - coarse).max() > 1e-3


def test_by_default_it_is_compared_on_windows_at_full_size(model):
  assert 'pointrend' in table.usual(model)
  method = table.make(model, ['pointrend'])['pointrend']
  image = toy_model.sample(size=(33, 64)).image
  with CompileCounter() as first:
    methods.warm_up([method], image.shape[:2])
  with CompileCounter() as second:
    _, seen = method.segment(image)
  assert first.count > 0 and second.count == 0
  assert seen == 2 * 3


def test_what_it_cannot_do_is_one_line(model):
  with pytest.raises(InputError, match='--head_points=0: must be at least 1'):
    table.make(model, ['pointrend'], head_points=0)
  with pytest.raises(InputError, match='--start=guided: unknown'):
    table.make(model, ['pointrend'], start='guided')
  toy = toy_model.make()
  assert 'pointrend' not in table.possible(toy)
  with pytest.raises(InputError, match='no point head; train one by') as error:
    table.make(toy, ['pointrend'])
  assert '\n' not in str(error.value)
