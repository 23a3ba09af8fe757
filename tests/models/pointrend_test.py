"""PointRend against NumPy: its head, the pyramid below, and the subdivision."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import point_head, pointrend, resnet, semantic_fpn
from magnet_jax.ops import points as point_ops
from magnet_jax.ops import resize

CLASSES = 3


def count(variables):
  return sum(leaf.size for leaf in jax.tree.leaves(variables))


@pytest.mark.parametrize(('classes', 'wanted'), [(7, 200_967), (19, 207_123)])
def test_number_of_parameters_of_the_head(classes, wanted):
  head = point_head.PointHead(classes)
  fine, coarse = jnp.zeros((1, 1, 256)), jnp.zeros((1, 1, classes))
  found = jax.eval_shape(head.init, jax.random.key(0), fine, coarse)
  assert count(found) == wanted


def test_a_fresh_head_has_no_opinion_yet():
  head = point_head.PointHead(CLASSES, units=64)
  fine = jax.random.normal(jax.random.key(0), (1, 50, 16))
  coarse = jax.random.normal(jax.random.key(1), (1, 50, CLASSES))
  init = jax.jit(head.init_with_output)
  logits, variables = init(jax.random.key(2), fine, coarse)
  assert float(jnp.abs(logits).max()) < 0.1
  last = variables['params']['predictor']['kernel']
  assert 0.0005 < float(last.std()) < 0.002


def slow_head(params, fine, coarse):
  x = np.concatenate([fine, coarse], -1)
  for name in ('fc1', 'fc2', 'fc3'):
    x = np.maximum(x @ params[name]['kernel'] + params[name]['bias'], 0)
  return x @ params['predictor']['kernel'] + params['predictor']['bias']


def slow_bilinear(maps, size):
  return np.asarray(resize.probabilities(np.ascontiguousarray(maps), size))


def slow_subdivision(params, fine, coarse, sizes, points):
  """Enlarges [h,w,C] step by step; the head decides the smallest margins."""
  logits = coarse
  for size in sizes:
    logits = slow_bilinear(logits, size)
    # All pixels are read by resizing: their centres are those of the maps.
    there = (
      slow_bilinear(maps, size).reshape(-1, maps.shape[-1])
      for maps in (fine, coarse)
    )
    decided = slow_head(params, *there)
    ordered = np.sort(logits, -1)
    margin = (ordered[..., -1] - ordered[..., -2]).reshape(-1)
    chosen = np.argsort(margin, kind='stable')[:points]
    flat = logits.reshape(-1, CLASSES)
    flat[chosen] = decided[chosen]
    logits = flat.reshape(*size, CLASSES)
  return logits


@pytest.mark.parametrize(
  ('points', 'coarse', 'size', 'sizes'),
  [
    (40, (4, 5), (16, 20), [(8, 10), (16, 20)]),
    (10_000, (5, 5), (18, 17), [(9, 9), (18, 17)]),
    (1, (3, 3), (3, 3), [(3, 3)]),
    (2, (1, 1), (7, 1), [(2, 1), (4, 1), (7, 1)]),
  ],
)
def test_subdivision(points, coarse, size, sizes):
  assert point_head.sizes(coarse, size) == sizes
  rng = np.random.default_rng(points)
  fine = rng.normal(size=(1, *coarse, 4)).astype(np.float32)
  logits = rng.normal(size=(1, *coarse, CLASSES)).astype(np.float32)
  head = point_head.PointHead(CLASSES, units=8)
  shapes = jax.eval_shape(
    head.init, jax.random.key(0), fine[:, :1, 0], logits[:, :1, 0]
  )
  variables = jax.tree.map(
    lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes
  )

  @jax.jit
  def run(fine, logits):
    decide = functools.partial(_at, head, variables, fine, logits)
    return point_head.subdivide(decide, logits, size, points)

  wanted = slow_subdivision(
    variables['params'], fine[0], logits[0], sizes, points
  )
  np.testing.assert_allclose(run(fine, logits)[0], wanted, atol=2e-3)


def _at(head, variables, fine, coarse, places):
  return head.apply(
    variables,
    point_ops.sample(fine, places),
    point_ops.sample(coarse, places),
  )


def conv(x, kernel, bias=0.0):
  """A 3x3 convolution with zeros around, by shifts."""
  height, width, _ = x.shape
  padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
  return bias + sum(
    padded[i : i + height, j : j + width] @ kernel[i, j]
    for i in range(3)
    for j in range(3)
  )


def slow_norm(x, scale, bias):
  grouped = x.reshape(*x.shape[:2], -1, 4)
  mean = grouped.mean((0, 1, 3), keepdims=True)
  deviation = np.sqrt(grouped.var((0, 1, 3), keepdims=True) + 1e-5)
  return ((grouped - mean) / deviation).reshape(x.shape) * scale + bias


def slow_pyramid(params, levels):
  above, found = None, []
  for i in (4, 3, 2):
    own = params[f'lateral{i}']
    x = levels[i - 2] @ own['kernel'] + own['bias']
    if above is not None:
      x = x + above.repeat(2, 0).repeat(2, 1)[: x.shape[0], : x.shape[1]]
    above = x
    own = params[f'output{i}']
    found.insert(0, conv(x, own['kernel'], own['bias']))
  return found


def slow_sum(params, pyramid):
  total = 0.0
  for i, level in enumerate(pyramid):
    x = level
    for j in range(max(1, i)):
      name = f'p{i + 2}_{2 * j}'
      x = conv(x, params[f'{name}_conv']['kernel'])
      x = np.maximum(slow_norm(x, **params[f'{name}_norm']), 0)
      if i:
        x = slow_bilinear(x, pyramid[i - j - 1].shape[:2])
    total = total + x
  return total @ params['predictor']['kernel'] + params['predictor']['bias']


def test_the_pyramid_and_its_sum():
  rng = np.random.default_rng(0)
  levels = [
    rng.normal(size=(1, side, side + 1, features)).astype(np.float32)
    for side, features in ((9, 3), (5, 4), (3, 5))
  ]
  pyramid = semantic_fpn.Pyramid(8)
  total = semantic_fpn.Sum(CLASSES, 8)
  first = jax.eval_shape(pyramid.init, jax.random.key(0), levels)
  maps = jax.eval_shape(pyramid.apply, first, levels)
  second = jax.eval_shape(total.init, jax.random.key(0), maps)
  first, second = jax.tree.map(
    lambda leaf: rng.normal(0, 0.3, leaf.shape).astype(np.float32),
    (first, second),
  )
  found = jax.jit(pyramid.apply)(first, levels)
  wanted = slow_pyramid(first['params'], [level[0] for level in levels])
  for one, other in zip(found, wanted, strict=True):
    np.testing.assert_allclose(one[0], other, atol=1e-4)
  logits, fused = jax.jit(total.apply)(second, found)
  assert fused.shape == (1, 9, 10, 8)
  wanted = slow_sum(second['params'], wanted)
  np.testing.assert_allclose(logits[0], wanted, atol=1e-3)


@pytest.fixture(scope='module', name='network')
def make_network():
  module = pointrend.PointRend(
    resnet.ResNet((1, 1), resnet.BasicBlock, width=4),
    CLASSES,
    pyramid=4,
    head=4,
    units=6,
    points=16,
  )
  rng = np.random.default_rng(0)
  images = rng.normal(size=(2, 33, 40, 3)).astype(np.float32)
  shapes = jax.eval_shape(module.init, jax.random.key(0), images)
  variables = jax.tree.map(
    lambda leaf: rng.uniform(0.1, 1, leaf.shape).astype(np.float32), shapes
  )
  return module, variables, images


def test_the_head_decides_if_asked_to(network):
  module, variables, images = network
  own = variables['params']['point_head']['predictor']
  own['kernel'], own['bias'] = 0 * own['kernel'], 0 * own['bias'] + 7

  @jax.jit
  def run(variables, images):
    return [module.apply(variables, images, decided=n) for n in (0, 9, 10_000)]

  coarse, few, every = run(variables, images)
  assert coarse.shape == few.shape == every.shape == (2, 33, 40, CLASSES)
  assert not (coarse == 7).any() and (every == 7).all()
  assert ((few == 7).all(-1).sum((1, 2)) >= 9).all()


def test_training_has_points_of_its_key_alone(network):
  module, variables, images = network

  @jax.jit
  def run(key):
    _, sown = module.apply(
      variables,
      images,
      train=True,
      mutable=['batch_stats', 'points'],
      rngs={'points': key},
    )
    return sown['points']

  one, again, other = (run(jax.random.key(n)) for n in (0, 0, 1))
  (places,), (logits,) = one['places'], one['logits']
  assert places.shape == (2, 16, 2) and logits.shape == (2, 16, CLASSES)
  np.testing.assert_array_equal(places, again['places'][0])
  assert not np.array_equal(places, other['places'][0])
