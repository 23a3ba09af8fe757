"""Strides and features of the trunks' levels."""

import jax
import jax.numpy as jnp
import pytest

from magnet_jax.models import build, efficientnet_lite, hrnet, resnet

SIZE = (65, 50)


def _levels(trunk):
  levels, _ = jax.eval_shape(
    lambda: trunk.init_with_output(jax.random.key(0), jnp.zeros((1, *SIZE, 3)))
  )
  return [level.shape for level in levels]


def _shape(stride, features):
  return (1, -(-SIZE[0] // stride), -(-SIZE[1] // stride), features)


@pytest.mark.parametrize(
  ('trunk', 'settings', 'strides'),
  [
    ('resnet18', {}, (4, 8, 16, 32)),
    ('resnet18', {'pool': False}, (2, 4, 8, 16)),
    ('resnet18', {'stem_stride': 1}, (2, 4, 8, 16)),
    ('resnet18', {'stem_stride': 1, 'pool': False}, (1, 2, 4, 8)),
    ('resnet18', {'output_stride': 16}, (4, 8, 16, 16)),
    ('resnet50', {'output_stride': 8}, (4, 8, 8, 8)),
    ('resnet34', {}, (4, 8, 16, 32)),
    ('resnet101', {}, (4, 8, 16, 32)),
  ],
)
def test_levels_of_resnets(trunk, settings, strides):
  expansion = 4 if trunk in ('resnet50', 'resnet101') else 1
  assert _levels(resnet.RESNETS[trunk](width=4, **settings)) == [
    _shape(stride, 4 * 2**i * expansion) for i, stride in enumerate(strides)
  ]


def test_a_block_that_halves_first():
  """It is the block of every second pixel, with the same variables."""
  images = jax.random.normal(jax.random.key(0), (1, 7, 6, 4))
  halves = resnet.BottleneckBlock(2, stride=2, stride_first=True)
  plain = resnet.BottleneckBlock(2)

  @jax.jit
  def run(key):
    found, variables = halves.init_with_output(key, images)
    return found, plain.apply(variables, images[:, ::2, ::2])

  found, wanted = run(jax.random.key(1))
  assert found.shape == (1, 4, 3, 8)
  assert jnp.array_equal(found, wanted)


@pytest.mark.parametrize('trunk', ['resnet18', 'resnet50'])
def test_all_blocks_of_a_trunk_can_halve_first(trunk):
  one, other = (
    resnet.RESNETS[trunk](width=4, stride_first=first)
    for first in (True, False)
  )
  assert _levels(one) == _levels(other)


@pytest.mark.parametrize('stem_stride', [1, 2])
def test_levels_of_hrnets(stem_stride):
  trunk = hrnet.HRNETS['hrnet18'](width=4, stem_stride=stem_stride)
  assert _levels(trunk) == [
    _shape(stem_stride**2 * 2**i, 4 * 2**i) for i in range(4)
  ]


@pytest.mark.parametrize(('finest', 'coarsest'), [(4, 32), (2, 16), (4, 8)])
def test_levels_of_efficientnets(finest, coarsest):
  trunk = efficientnet_lite.EFFICIENTNETS['efficientnet_lite2'](
    finest=finest, coarsest=coarsest
  )
  levels = [(2, 16), (4, 24), (8, 48), (16, 120), (32, 352)]
  assert _levels(trunk) == [
    _shape(*level) for level in levels if finest <= level[0] <= coarsest
  ]


@pytest.mark.parametrize('name', ['pspnet', 'deeplab'])
@pytest.mark.parametrize('stride', [8, 16, 32])
def test_the_output_stride_is_the_last_levels(name, stride):
  network = build.segmenter(
    num_classes=3, name=name, trunk='resnet18', width=4, output_stride=stride
  )
  assert _levels(network.trunk)[-1] == _shape(stride, 32)
