"""The refine step for accelerators: none of what is there for CPUs alone."""

from collections import Counter
import functools

import jax
import jax.numpy as jnp
import pytest

from magnet_jax.cascade import refine_step
from magnet_jax.models import build
from magnet_jax.refiners import magnet

COUNT = 3
SIZE = (128, 256)  # large enough for tiles, and for strips of OCR's head
SEGMENTERS = {
  'fpn': {'name': 'fpn', 'trunk': 'resnet18'},
  'hrnet_ocr': {'name': 'hrnet_ocr', 'modules': (1, 1, 1), 'blocks': 1},
}


def _struct(*shape, dtype=jnp.float32):
  return jax.ShapeDtypeStruct(shape, dtype)


def _networks(name):
  """Segmenter and refiner with shapes for variables: nothing is computed."""
  key, maps = jax.random.key(0), _struct(1, 8, 8, COUNT)
  first = build.segmenter(num_classes=COUNT, **SEGMENTERS[name])
  second = build.refinement(num_classes=COUNT)
  return (
    jax.tree_util.Partial(
      first.apply, jax.eval_shape(first.init, key, _struct(1, 64, 64, 3))
    ),
    magnet.refiner(
      jax.tree_util.Partial(
        second.apply, jax.eval_shape(second.init, key, scale=maps, coarse=maps)
      )
    ),
  )


def _operations(networks, platform):
  """How often each kind of operation stands in the step's program."""
  step = functools.partial(
    refine_step.refine_windows, window=(160, 300), kernel=11, most=100
  )
  arrays = {
    'images': _struct(1, *SIZE, 3, dtype=jnp.uint8),
    'coarse': _struct(1, 80, 150, COUNT),
    'offsets': _struct(1, 2),
    'ratios': _struct(1, 2),
    'valid': _struct(1, 2, dtype=jnp.int32),
    'points': _struct(1, dtype=jnp.int32),
  }
  traced = jax.jit(step).trace(*networks, **arrays)
  module = traced.lower(lowering_platforms=(platform,)).compiler_ir('stablehlo')
  functions = {each.sym_name.value: each for each in module.body.operations}

  def count(function):
    for region in function.regions:
      for operation in (each for block in region for each in block):
        name = operation.operation.name
        if name == 'func.call':
          yield from count(functions[operation.callee.value])
        else:
          yield name
          yield from count(operation)

  return Counter(count(functions['main']))


@pytest.mark.parametrize('name', SEGMENTERS)
def test_an_accelerator_has_plain_convolutions_and_one_loop(name):
  networks = _networks(name)
  kernels = [
    leaf
    for leaf in jax.tree.leaves(networks)
    if leaf.ndim == 4 and leaf.shape[:2] != (1, 1)
  ]
  found = _operations(networks, 'cuda')
  assert found['stablehlo.convolution'] == len(kernels)
  # The median's, over bits.
  assert found['stablehlo.while'] == 1
  # What that would be without a care for accelerators.
  on_cpu = _operations(networks, 'cpu')
  assert on_cpu['stablehlo.convolution'] < len(kernels)
  assert on_cpu['stablehlo.while'] > 1
