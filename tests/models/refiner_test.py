import functools
import pathlib
import zlib

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import build
from magnet_jax.types import InputError

GOLDEN = pathlib.Path(__file__).parents[1] / 'goldens' / 'refiner7.npz'


def _maps(classes, size=(6, 5), seed=0):
  shape = (2, *size, classes)
  return jax.nn.softmax(jax.random.normal(jax.random.key(seed), shape))


def _shapes(refiner):
  maps = jnp.zeros((1, 4, 4, refiner.num_classes))
  return jax.eval_shape(
    lambda: refiner.init(jax.random.key(0), scale=maps, coarse=maps)
  )


@functools.cache
def _narrow():
  """A refiner of 3 classes and variables drawn without compiling its init."""
  refiner = build.refinement(num_classes=3, width=8)
  rng = np.random.default_rng(0)
  variables = jax.tree_util.tree_map_with_path(
    lambda path, x: jnp.asarray(
      1.0 + 0.3 * rng.normal(size=x.shape) * (path[0].key == 'params')
      if path[-1].key in ('scale', 'var')
      else 0.3 * rng.normal(size=x.shape),
      jnp.float32,
    ),
    _shapes(refiner),
  )
  return refiner, variables, jax.jit(refiner.apply)


@pytest.mark.parametrize(('classes', 'count'), [(7, 88_092), (19, 103_500)])
def test_number_of_parameters_is_the_published_one(classes, count):
  shapes = _shapes(build.refinement(num_classes=classes))
  assert sum(x.size for x in jax.tree.leaves(shapes['params'])) == count


def _drawn(name, shape):
  """The published network's seeded parameter `name`, in PyTorch's layout."""
  rng = np.random.default_rng(zlib.crc32(f'refiner7{name}'.encode()))
  if len(shape) == 4:
    fan_in = shape[1] * shape[2] * shape[3]
    return rng.standard_normal(shape) * np.sqrt(2 / fan_in)
  if name.endswith('bias'):
    return 0.1 * rng.standard_normal(shape)
  return 1 + 0.2 * rng.uniform(-1, 1, shape)


def _published_name(path):
  """The name in the published file of a leaf of our tree."""
  *modules, leaf = path
  module = '.'.join(modules).replace('residual', 'residual.')
  for ours, theirs in (
    ('downsample_conv', 'downsample.0'),
    ('downsample_bn', 'downsample.1'),
    ('classify', 'seg_conv'),
  ):
    module = module.replace(ours, theirs)
  leaves = {'mean': 'running_mean', 'var': 'running_var', 'bias': 'bias'}
  return f'{module}.{leaves.get(leaf, "weight")}'


def _published(refiner, calibration):
  flat = flax.traverse_util.flatten_dict(_shapes(refiner))
  for path, leaf in flat.items():
    name = _published_name(path[1:])
    shape = leaf.shape
    if path[-1] == 'kernel':  # ours are [h,w,in,out]; 1x1 ones are dense
      sides = shape[:2] if len(shape) == 4 else (1, 1)
      shape = (shape[-1], shape[-2], *sides)
    array = calibration.get(name)
    array = _drawn(name, shape) if array is None else array
    if path[-1] == 'kernel':
      array = np.transpose(array, (2, 3, 1, 0)).reshape(leaf.shape)
    assert array.shape == leaf.shape
    flat[path] = jnp.asarray(array, jnp.float32)
  return flax.traverse_util.unflatten_dict(flat)


def test_logits_are_the_published_ones():
  with np.load(GOLDEN) as golden:
    arrays = dict(golden)
  prefix = 'calibration/'
  calibration = {
    name.removeprefix(prefix): array
    for name, array in arrays.items()
    if name.startswith(prefix)
  }
  refiner = build.refinement(num_classes=7)
  variables = _published(refiner, calibration)
  first, second, expected = (
    np.moveaxis(arrays[name], 0, -1)[None]
    for name in ('first', 'second', 'logits')
  )
  found = jax.jit(refiner.apply)(variables, scale=first, coarse=second)
  rows, columns = expected.shape[1:3]
  np.testing.assert_allclose(
    found[:, :rows, :columns], expected, atol=1e-4 * np.ptp(expected)
  )


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
@pytest.mark.parametrize('size', [(6, 5), (1, 1)])
def test_shape_and_float32_logits(dtype, size):
  refiner = build.refinement(num_classes=3, width=8, dtype=dtype)
  maps = jnp.zeros((2, *size, 3))
  logits, variables = jax.eval_shape(
    lambda: refiner.init_with_output(jax.random.key(0), scale=maps, coarse=maps)
  )
  assert logits.shape == (2, *size, 3)
  assert logits.dtype == jnp.float32
  dtypes = {x.dtype for x in jax.tree.leaves(variables)}
  assert dtypes == {jnp.dtype('float32')}


def test_half_precision_is_near():
  _, variables, apply = _narrow()
  half = jax.jit(
    build.refinement(num_classes=3, width=8, dtype='bfloat16').apply
  )
  one, other = (
    run(variables, scale=_maps(3), coarse=_maps(3, seed=1))
    for run in (apply, half)
  )
  np.testing.assert_allclose(one, other, atol=0.05 * np.ptp(one))


def test_the_two_maps_are_not_exchangeable():
  _, variables, apply = _narrow()
  one, other = _maps(3), _maps(3, seed=1)
  found = apply(variables, scale=one, coarse=other)
  swapped = apply(variables, scale=other, coarse=one)
  assert np.abs(found - swapped).max() > 1e-3


def test_a_pixel_depends_on_the_9x9_around_it():
  refiner, variables, _ = _narrow()
  maps = _maps(3, (15, 15))[:1]
  gradient = jax.jit(
    jax.grad(
      lambda m: refiner.apply(variables, scale=m, coarse=maps)[0, 7, 7].sum()
    )
  )(maps)
  rows, columns = np.nonzero(np.abs(np.asarray(gradient)[0]).max(-1))
  assert (rows.min(), rows.max()) == (columns.min(), columns.max()) == (3, 11)


def test_training_updates_statistics_and_has_finite_gradients():
  refiner, variables, _ = _narrow()
  scale, coarse = _maps(3), _maps(3, seed=1)

  def step(params):
    logits, state = refiner.apply(
      {**variables, 'params': params},
      scale=scale,
      coarse=coarse,
      train=True,
      mutable='batch_stats',
    )
    return -jax.nn.log_softmax(logits)[..., 0].mean(), state['batch_stats']

  run = jax.jit(jax.grad(step, has_aux=True))
  gradients, state = run(variables['params'])
  for leaf in jax.tree.leaves(gradients):
    assert np.isfinite(np.asarray(leaf)).all()
    assert np.abs(np.asarray(leaf)).max() > 0
  # A hundredth of the batch's mean is let in, as in the published training.
  both = np.concatenate([scale, coarse], axis=-1)
  before = variables['batch_stats']['bn0']['mean']
  expected = 0.99 * before + 0.01 * both.mean((0, 1, 2))
  np.testing.assert_allclose(state['bn0']['mean'], expected, atol=1e-6)


def test_with_the_prior_it_starts_from_the_mean_of_both_maps():
  refiner = build.refinement(num_classes=3, width=8, prior=True)
  _, drawn, _ = _narrow()
  init = jax.jit(refiner.init_with_output)
  scale = _maps(3)
  coarse = _maps(3, seed=1).at[0].set(jnp.eye(3)[0])  # sure: zeros in the mean
  scale = scale.at[0, 0].set(jnp.eye(3)[0])
  found, variables = init(jax.random.key(0), scale=scale, coarse=coarse)
  assert jax.tree.structure(variables) == jax.tree.structure(drawn)
  assert found.dtype == jnp.float32
  assert np.isfinite(np.asarray(found)).all()
  mean = (scale + coarse) / 2
  np.testing.assert_allclose(jax.nn.softmax(found), mean, atol=3e-3)


def test_an_unknown_dtype_is_refused_with_the_known_ones():
  with pytest.raises(InputError, match=r'float16.*float32, bfloat16'):
    build.refinement(num_classes=3, dtype='float16')
