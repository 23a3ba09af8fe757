"""SegFix's heads have the published sizes and see every level."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.files import trees
from magnet_jax.models import build, segfix
from magnet_jax.types import InputError


def _numbers(tree):
  """Arrays of the shapes of a tree, of numbers above 0."""
  rng = np.random.default_rng(0)
  return jax.tree.map(
    lambda leaf: rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32), tree
  )


def _initial(module, *inputs):
  return jax.eval_shape(
    lambda: module.init_with_output(jax.random.key(0), *inputs)
  )


@pytest.mark.parametrize(
  ('width', 'parameters'), [(18, 141_824), (48, 372_224)]
)
def test_heads_have_the_published_number_of_parameters(width, parameters):
  levels = tuple(jnp.zeros((1, 8 >> i, 8 >> i, width << i)) for i in range(4))
  logits, found = _initial(segfix.Heads(), levels)
  assert logits.shape == (1, 8, 8, 10)
  assert sum(x.size for x in jax.tree.leaves(found['params'])) == parameters


def test_a_network_is_a_trunk_and_heads():
  class Trunk(nn.Module):
    @nn.compact
    def __call__(self, images, *, train=False):
      return images[:, ::4, ::4], images[:, ::8, ::8]

  images = jnp.zeros((2, 16, 24, 3))
  logits, found = _initial(segfix.SegFix(Trunk(), head=4), images)
  assert logits.shape == (2, 16, 24, 10) and logits.dtype == jnp.float32
  kernels = trees.flatten(found['params'])
  assert kernels['heads/direction/unit/conv/kernel'].shape == (6, 4)


def test_uncertain_directions_move_nothing_but_count_in_training():
  class Given(nn.Module):
    @nn.compact
    def __call__(self, images, *, train=False):
      return (images,)

  # Of the columns, the first is sure of one direction, the second says two that
  # are opposite, the third two that are neighbours, all near an outline.
  wanted = np.zeros((3, 10), np.float32)
  wanted[:, 1] = wanted[0, 4] = wanted[1, [2, 6]] = wanted[2, [2, 3]] = 9.0
  images = jnp.eye(3, dtype=jnp.float32)[None, None]
  module = segfix.SegFix(Given(), head=3, certainty=0.9)
  shapes = trees.flatten(_initial(module, images)[1])
  arrays = {name: np.zeros(x.shape, np.float32) for name, x in shapes.items()}
  for name in arrays:
    if name.endswith(('scale', 'var')):
      arrays[name] += 1
    elif name.endswith('conv/kernel'):
      arrays[name] += np.eye(3, dtype=np.float32)
    elif name.endswith('boundary/classify/kernel'):
      arrays[name] += wanted[:, :2]
    elif name.endswith('direction/classify/kernel'):
      arrays[name] += wanted[:, 2:]
  variables = trees.unflatten(arrays)
  found = jax.jit(module.apply)(variables, images)[0, 0]
  near = found[:, 1] > found[:, 0]
  np.testing.assert_array_equal(near, [True, False, True])
  plain = segfix.SegFix(Given(), head=3)
  expected = jax.jit(plain.apply)(variables, images)[0, 0]
  np.testing.assert_array_equal(found[near], expected[near])
  assert (expected[:, 1] > expected[:, 0]).all()


def test_a_head_equals_its_formula():
  levels = tuple(
    _numbers(jax.ShapeDtypeStruct((1, *size, 2), jnp.float32))
    for size in [(4, 6), (2, 3)]
  )
  module = segfix.Heads(features=3)
  variables = _numbers(_initial(module, levels)[1])
  found = jax.jit(module.apply)(variables, levels)
  # At a corner of both levels nothing is interpolated.
  x = np.concatenate([level[0, -1, -1] for level in levels])
  expected = []
  for name in ('boundary', 'direction'):
    head = variables['params'][name]
    stats = variables['batch_stats'][name]['unit']['bn']
    unit = head['unit']
    y = x @ unit['conv']['kernel'] - stats['mean']
    y *= unit['bn']['scale'] / np.sqrt(stats['var'] + 1e-5)
    y = np.maximum(y + unit['bn']['bias'], 0)
    expected.append(y @ head['classify']['kernel'])
  np.testing.assert_allclose(
    found[0, -1, -1], np.concatenate(expected), rtol=1e-5
  )


FEW = {'stem_blocks': 1, 'modules': (1, 1, 1), 'blocks': 1}


@pytest.mark.parametrize(
  ('settings', 'inputs', 'stride'),
  [
    (FEW, 15 * 18, 4),
    ({'trunk': 'hrnet48', 'stem_stride': 1, **FEW}, 15 * 48, 1),
    ({'trunk': 'efficientnet_lite0', 'finest': 2}, 16 + 24 + 40 + 112 + 320, 2),
    ({'trunk': 'resnet18', 'width': 4}, 15 * 4, 4),
  ],
)
def test_trunks_by_name(settings, inputs, stride):
  module = build.directions(head=6, **settings)
  levels, _ = _initial(module.trunk, jnp.zeros((1, 32, 32, 3)))
  assert levels[0].shape[1] == 32 // stride
  assert sum(level.shape[-1] for level in levels) == inputs


def test_unknown_settings_name_the_known_ones():
  with pytest.raises(InputError, match=r'trunk .vgg.: unknown; choose'):
    build.directions(trunk='vgg')
  with pytest.raises(InputError, match=r'segfix\.depth: unknown'):
    build.directions(depth=3)
