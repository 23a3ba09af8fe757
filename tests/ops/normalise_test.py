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


@pytest.mark.parametrize('shape', [(3,), (4, 5, 3), (2, 4, 5, 3)])
def test_colours_as_networks_are_shown_them(shape):
  pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
  seen = normalise.normalise(jnp.asarray(pixels))
  turned = pixels[..., ::-1]
  wanted = {
    'normalised': seen,
    # The figures are those of red, green, blue, in this order.
    'blue_first': normalise.normalise(jnp.asarray(turned)),
    'caffe': turned - np.array([103.53, 116.28, 123.675]),
  }
  assert wanted.keys() == normalise.COLOURS.keys()
  for name, expected in wanted.items():
    found = normalise.COLOURS[name](seen)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-4)
