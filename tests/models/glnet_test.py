"""GLNet against the feature pyramid of its branches, and NumPy."""

import functools

import jax
import numpy as np
import pytest

from magnet_jax.models import fpn, glnet, resnet
from magnet_jax.ops import normalise, resize

CLASSES = 3


@pytest.fixture(scope='module', name='network')
def make_network():
  trunk = resnet.ResNet((1, 1), resnet.BasicBlock, width=4)
  module = glnet.GLNet(trunk, CLASSES, pyramid=6, head=4)
  rng = np.random.default_rng(0)
  images = rng.normal(size=(1, 33, 40, 3)).astype(np.float32)
  shapes = jax.eval_shape(module.init, jax.random.key(0), images)
  variables = jax.tree.map(
    lambda leaf: rng.uniform(0.02, 0.1, leaf.shape).astype(np.float32), shapes
  )
  return module, variables, images


def test_alone_the_global_branch_is_a_feature_pyramid(network):
  module, variables, images = network
  params = variables['params']
  alone = {
    'params': {
      'trunk': params['trunk'],
      **params['global_fpn'],
      'classify': params['classify'],
    },
    'batch_stats': {'trunk': variables['batch_stats']['trunk']},
  }
  other = fpn.FPN(module.trunk, CLASSES, pyramid=6, head=4)
  wanted = jax.jit(other.apply)(alone, normalise.colours(images))
  found = jax.jit(module.apply)(variables, images)
  np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def conv(params, x):
  """A 1x1 or 3x3 convolution of [h,w,F], by shifts."""
  kernel = params['kernel']
  if kernel.ndim == 2:
    return x @ kernel + params['bias']
  height, width, _ = x.shape
  padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
  return params['bias'] + sum(
    padded[i : i + height, j : j + width] @ kernel[i, j]
    for i in range(3)
    for j in range(3)
  )


def slow_pyramid(params, levels, other):
  """The pyramid of two levels, each map beside the other branch's."""

  def beside(own, theirs):
    return [np.concatenate(pair, -1) for pair in zip(own, theirs, strict=True)]

  fine, coarse = beside(levels, other.levels)
  finest = fine.shape[:2]
  top = conv(params['top'], coarse)
  maps = [
    top,
    resize.probabilities(top, finest) + conv(params['lateral1'], fine),
  ]
  for j, theirs in enumerate(other.pyramid[:2], start=1):
    both = beside(maps, theirs)
    maps = [conv(params[f'smooth{i}_{j}'], x) for i, x in enumerate(both, 1)]
  both = beside(maps, other.pyramid[2])
  x = np.concatenate([resize.probabilities(m, finest) for m in both], -1)
  return conv(params['smooth'], x)


def test_the_local_branch_sees_the_maps_of_the_other_beside_its_own(network):
  module, variables, images = network
  run = functools.partial(module.apply, variables)

  @jax.jit
  def both(images):
    shared, _ = run(images, method='look')
    local, last = run(images[:, ::-1], shared, method='look_closer')
    _, merged = run(shared, local, method='look_again')
    decided = [
      run(a, b, method='ensemble')
      for a, b in ((last, merged), (last, None), (None, merged))
    ]
    return shared, local, last, merged, decided

  shared, local, last, merged, decided = jax.tree.map(np.asarray, both(images))
  first = jax.tree.map(lambda x: x[0], shared)
  second = jax.tree.map(lambda x: x[0], local)
  params = variables['params']
  for name, levels, other, found in (
    ('local_fpn', second.levels, first, last),
    ('merged_fpn', first.levels, second, merged),
  ):
    wanted = slow_pyramid(params[name], levels, other)
    np.testing.assert_allclose(found[0], wanted, rtol=1e-4)
  pair = np.concatenate([last[0], merged[0]], -1)
  wanted = conv(params['ensemble_classify'], pair)
  np.testing.assert_allclose(decided[0][0], wanted, rtol=1e-4)
  # Without the bias, both are the sum of each.
  bias = params['ensemble_classify']['bias']
  np.testing.assert_allclose(
    decided[0], decided[1] + decided[2] - bias, rtol=1e-4
  )
