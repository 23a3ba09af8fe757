import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy_model

from magnet_jax.evaluate.compiles import CompileCounter
from magnet_jax.methods import method as methods
from magnet_jax.methods import table
from magnet_jax.models import glnet as networks
from magnet_jax.models import resnet
from magnet_jax.ops import merge, normalise, resize, sharing
from magnet_jax.types import InputError


@pytest.fixture(name='model', scope='module')
def make_model():
  toy = toy_model.make()
  module = networks.GLNet(
    resnet.ResNet((1,), resnet.BasicBlock, width=4),
    len(toy.classes),
    pyramid=4,
    head=4,
  )
  shapes = jax.eval_shape(
    module.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3))
  )
  rng = np.random.default_rng(0)
  variables = jax.tree.map(
    lambda leaf: rng.uniform(0.01, 0.1, leaf.shape).astype(np.float32), shapes
  )
  segmenter = jax.tree_util.Partial(module.apply, variables)
  return dataclasses.replace(toy, segmenter=segmenter)


def slow(model, image):
  """All windows at once: every map is kept, and both branches see the rest."""
  run = model.segmenter
  module, (variables,) = run.func.__self__, run.args
  size, (height, width) = image.shape[:2], model.network
  grid = sharing.make_grid(size, model.network)
  whole = resize.image(image, model.network)[None]
  padded = np.pad(image, ((0, height), (0, width), (0, 0)), mode='edge')
  windows = np.stack(
    [padded[t : t + height, x : x + width] for t, x in grid.corners]
  )
  where = jnp.asarray(
    [
      (t / size[0], x / size[1], height / size[0], width / size[1])
      for t, x in grid.corners
    ],
    jnp.float32,
  )

  def apply(*arguments, method):
    return module.apply(variables, *arguments, method=method)

  @jax.jit
  def decide(whole, windows):
    def crop(maps):
      repeated = jnp.repeat(maps, len(where), axis=0)
      return sharing.crop(repeated, where, maps.shape[1:3])

    shared, _ = apply(normalise.normalise(whole), method='look')
    local, last = apply(
      normalise.normalise(windows),
      jax.tree.map(crop, shared),
      method='look_closer',
    )
    merged = jax.tree.map(
      lambda x: sharing.mean(*sharing.paste(x, where, x.shape[1:3]))[None],
      local,
    )
    _, again = apply(shared, merged, method='look_again')
    logits = apply(last, crop(again), method='ensemble')
    return jax.nn.softmax(logits)

  maps = [
    resize.probabilities(np.asarray(m), model.network)
    for m in decide(whole, windows)
  ]
  return merge.merge(np.stack(maps), grid), len(grid)


@pytest.mark.parametrize('size', [(40, 75), (20, 33)])
def test_both_branches_decide_each_window(model, size):
  image = toy_model.sample(size=size).image
  results = []
  method = table.make(model, ['glnet'])['glnet']
  found, seen = method.segment(image, results.append)
  wanted, windows = slow(model, image)
  assert seen == len(results[-1].windows) == windows + 1
  np.testing.assert_allclose(found, wanted, atol=1e-4)
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
  assert np.ptp(found) > 1e-3


def test_nothing_is_compiled_after_the_warm_up(model):
  method = table.make(model, ['glnet'])['glnet']
  with CompileCounter() as first:
    methods.warm_up([method], (60, 90))
  with CompileCounter() as second:
    method.segment(toy_model.sample(size=(60, 90)).image)
  assert first.count > 0 and second.count == 0


@pytest.mark.parametrize(
  ('size', 'window', 'count'),
  [(2448, 508, 36), (508, 508, 1), (509, 508, 4), (300, 508, 1)],
)
def test_windows_overlap_by_50_pixels_at_least(size, window, count):
  grid = sharing.make_grid((size, size), (window, window))
  assert len(grid) == count
  steps = np.diff(grid.tops)
  assert (steps <= window - 50).all()


def test_other_segmenters_are_refused():
  with pytest.raises(InputError, match='glnet: its segmenter has no branch'):
    table.make(toy_model.make(), ['glnet'])
