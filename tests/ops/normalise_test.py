import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.ops import normalise


@pytest.mark.parametrize('shape', [(3,), (4, 5, 3), (2, 4, 5, 3)])
def test_equals_the_formula(shape):
  pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
  mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
  expected = (pixels / 255.0 - np.array(mean)) / np.array(std)
  found = normalise.normalise(jnp.asarray(pixels))
  assert found.dtype == jnp.float32
  np.testing.assert_allclose(found, expected, atol=2e-6)
