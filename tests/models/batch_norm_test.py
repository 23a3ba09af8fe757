"""Batch normalisation against flax's own."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import batch_norm


@pytest.mark.parametrize('shape', [(3, 5, 4, 2), (1, 1, 1, 3), (6, 2)])
def test_training_is_that_of_flax(shape):
  rng = np.random.default_rng(0)
  x = jnp.asarray(rng.normal(1, 2, shape), jnp.float32)
  weights = jnp.asarray(rng.normal(size=shape), jnp.float32)
  ours = batch_norm.BatchNorm(momentum=0.7, epsilon=1e-3)
  theirs = nn.BatchNorm(False, momentum=0.7, epsilon=1e-3)
  variables = jax.tree.map(
    lambda leaf: jnp.asarray(rng.uniform(0.5, 2, leaf.shape), jnp.float32),
    theirs.init(jax.random.key(0), x),
  )

  def run(module, **keywords):
    def total(params, x):
      given = {**variables, 'params': params}
      y, updated = module.apply(given, x, mutable=['batch_stats'], **keywords)
      return jnp.sum(y * weights), (y, updated)

    derived = jax.grad(total, (0, 1), has_aux=True)
    return derived(variables['params'], x)

  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
    run(ours, train=True),
    run(theirs),
  )


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_running_averages_serve_at_test_time(dtype):
  x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 3, 2)), dtype)
  ours = batch_norm.BatchNorm(dtype=dtype)
  variables = ours.init(jax.random.key(0), x, train=True)
  theirs = nn.BatchNorm(True, dtype=dtype)
  expected = theirs.apply(variables, x.astype(jnp.float32))
  found = ours.apply(variables, x, train=False)
  assert found.dtype == expected.dtype == dtype
  np.testing.assert_array_equal(found, expected)
  wanted = theirs.init(jax.random.key(0), x.astype(jnp.float32))
  jax.tree.map(np.testing.assert_array_equal, variables, wanted)
