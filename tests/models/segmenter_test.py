"""Properties that all segmenters share, as a table."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import build, fpn, resnet
from magnet_jax.types import InputError

NARROW = {'trunk': 'resnet18', 'width': 4, 'pyramid': 8, 'head': 4}
TINY = {
  'narrow': NARROW,
  'narrow, fine levels': {**NARROW, 'pool': False, 'stem_stride': 1},
}
# Counted by hand: torchvision's trunk without its classifier, and the head.
FULL = {
  'resnet18': (11_176_512, 512, (256, 128, 64)),
  'resnet34': (21_284_672, 512, (256, 128, 64)),
  'resnet50': (23_508_032, 2048, (1024, 512, 256)),
  'resnet101': (42_500_160, 2048, (1024, 512, 256)),
}


@functools.cache
def _shallow(block, dtype='float32'):
  """One block a level, and variables drawn without compiling the init."""
  compute = build.DTYPES[dtype]
  trunk = resnet.ResNet((1, 1, 1, 1), block, width=4, dtype=compute)
  segmenter = fpn.FPN(trunk, classes=3, width=8, head=4, dtype=compute)
  shapes = jax.eval_shape(
    lambda: segmenter.init(jax.random.key(0), jnp.zeros((1, 16, 16, 3)))
  )
  rng = np.random.default_rng(0)
  draw = {
    'scale': lambda shape: 1 + 0.2 * rng.normal(size=shape),
    'var': np.ones,
    'kernel': lambda s: rng.normal(size=s) * np.sqrt(2 / np.prod(s[:-1])),
    'bias': lambda shape: 0.1 * rng.normal(size=shape),
    'mean': np.zeros,
  }
  return segmenter, jax.tree_util.tree_map_with_path(
    lambda path, x: jnp.asarray(draw[path[-1].key](x.shape), jnp.float32),
    shapes,
  )


def _images(size=(16, 16), batch=2):
  return jax.random.normal(jax.random.key(1), (batch, *size, 3))


def _count(tree):
  return sum(x.size for x in jax.tree.leaves(tree))


@pytest.mark.parametrize('trunk', FULL)
def test_number_of_parameters_at_full_width(trunk):
  segmenter = build.segmenter(classes=7, trunk=trunk)
  shapes = jax.eval_shape(
    lambda: segmenter.init(jax.random.key(0), jnp.zeros((1, 16, 16, 3)))
  )
  count, top, laterals = FULL[trunk]
  assert _count(shapes['params']['trunk']) == count
  head = sum((features + 1) * 256 for features in (top, *laterals))
  head += 4 * (256 * 9 + 1) * 256 + 4 * (256 * 9 + 1) * 128
  head += (512 * 9 + 1) * 7
  assert _count(shapes['params']) == count + head


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
@pytest.mark.parametrize('size', [(16, 16), (17, 33), (5, 50), (1, 1)])
@pytest.mark.parametrize('name', TINY)
def test_logits_have_the_images_size_and_float32(name, size, dtype):
  segmenter = build.segmenter(classes=3, dtype=dtype, **TINY[name])
  logits, variables = jax.eval_shape(
    lambda: segmenter.init_with_output(
      jax.random.key(0), jnp.zeros((2, *size, 3))
    )
  )
  assert logits.shape == (2, *size, 3)
  assert logits.dtype == jnp.float32
  dtypes = {x.dtype for x in jax.tree.leaves(variables)}
  assert dtypes == {jnp.dtype('float32')}


@pytest.mark.parametrize(
  ('trunk', 'settings', 'strides'),
  [
    ('resnet18', {}, (4, 8, 16, 32)),
    ('resnet18', {'pool': False}, (2, 4, 8, 16)),
    ('resnet18', {'stem_stride': 1}, (2, 4, 8, 16)),
    ('resnet18', {'stem_stride': 1, 'pool': False}, (1, 2, 4, 8)),
    ('resnet34', {}, (4, 8, 16, 32)),
    ('resnet50', {}, (4, 8, 16, 32)),
    ('resnet101', {}, (4, 8, 16, 32)),
  ],
)
def test_strides_and_features_of_the_levels(trunk, settings, strides):
  model = build.segmenter(classes=3, trunk=trunk, width=4, **settings).trunk
  size = (65, 50)
  levels, _ = jax.eval_shape(
    lambda: model.init_with_output(
      jax.random.key(0), jnp.zeros((1, *size, 3))
    )
  )
  expansion = 4 if trunk in ('resnet50', 'resnet101') else 1
  for i, (level, stride) in enumerate(zip(levels, strides, strict=True)):
    assert level.shape == (
      1, -(-size[0] // stride), -(-size[1] // stride), 4 * 2**i * expansion
    )  # fmt: skip


@pytest.mark.parametrize(
  'block', [resnet.BasicBlock, resnet.BottleneckBlock]
)
def test_training_updates_statistics_and_has_finite_gradients(block):
  segmenter, variables = _shallow(block)
  images = _images()

  def step(params):
    logits, state = segmenter.apply(
      {**variables, 'params': params}, images, train=True, mutable='batch_stats'
    )
    return -jax.nn.log_softmax(logits)[..., 0].mean(), state['batch_stats']

  run = jax.jit(jax.grad(step, has_aux=True))
  gradients, state = run(variables['params'])
  for leaf in jax.tree.leaves(gradients):
    assert np.isfinite(np.asarray(leaf)).all()
  assert np.abs(gradients['trunk']['conv1']['kernel']).max() > 0
  old, new = variables['batch_stats']['trunk']['bn1'], state['trunk']['bn1']
  assert np.abs(new['mean'] - old['mean']).max() > 0
  assert np.abs(new['var'] - old['var']).max() > 0


def test_evaluating_is_deterministic_and_compiles_once():
  segmenter, variables = _shallow(resnet.BasicBlock)
  traces = []

  @jax.jit
  def apply(variables, images):
    traces.append(images.shape)
    return segmenter.apply(variables, images)

  images = _images()
  first, again = apply(variables, images), apply(variables, images)
  np.testing.assert_array_equal(first, again)
  doubled = jax.tree.map(lambda x: 2 * x, variables)
  assert np.abs(apply(doubled, images) - first).max() > 0
  assert len(traces) == 1
  # No image sees its neighbour in the batch.
  other = apply(variables, images.at[1].set(0))
  np.testing.assert_allclose(first[0], other[0], atol=1e-5)


def test_half_precision_is_near():
  segmenter, variables = _shallow(resnet.BasicBlock)
  half, _ = _shallow(resnet.BasicBlock, 'bfloat16')
  one, other = (
    jax.jit(model.apply)(variables, _images()) for model in (segmenter, half)
  )
  np.testing.assert_allclose(one, other, atol=0.05 * np.ptp(one))


@pytest.mark.parametrize(
  ('settings', 'message'),
  [
    ({'trunk': 'resnet19'}, 'resnet19.*resnet18, resnet34'),
    ({'dtype': 'float64'}, 'float64.*float32, bfloat16'),
  ],
)
def test_unknown_names_are_refused_with_the_known_ones(settings, message):
  with pytest.raises(InputError, match=message):
    build.segmenter(classes=3, **{**NARROW, **settings})
