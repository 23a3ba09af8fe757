"""It is the softmax."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.ops import softmax


@pytest.mark.parametrize('shape', [(1,), (3,), (2, 5, 7), (2, 3, 4, 150)])
@pytest.mark.parametrize('scale', [0, 1, 300, 1e30])
def test_it_is_the_softmax(shape, scale):
  rng = np.random.default_rng(0)
  logits = (rng.normal(size=shape) * scale).astype(np.float32)
  found = softmax.probabilities(jnp.asarray(logits))
  raised = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
  wanted = raised / raised.sum(-1, keepdims=True)
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)


def test_gradients_are_those_of_the_softmax():
  rng = np.random.default_rng(0)
  logits = jnp.asarray(rng.normal(size=(4, 6)).astype(np.float32))
  weights = jnp.asarray(rng.normal(size=(4, 6)).astype(np.float32))
  found, wanted = (
    jax.grad(lambda x, f=f: (f(x) * weights).sum())(logits)
    for f in (softmax.probabilities, jax.nn.softmax)
  )
  np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_half_precision_is_widened():
  found = softmax.probabilities(jnp.asarray([1, 2], jnp.bfloat16))
  assert found.dtype == np.float32
