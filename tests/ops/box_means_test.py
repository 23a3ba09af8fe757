import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.filters.box import Box
from magnet_jax.ops.box_means import box_means


@pytest.mark.parametrize('radius', [0, 1, 4, 9])
@pytest.mark.parametrize('size', [(1, 1), (7, 12), (20, 3)])
def test_means_are_those_of_the_pixels_that_are_there(size, radius):
  maps = np.random.default_rng(0).normal(0, 1, (2, *size, 2))
  found = box_means(jnp.asarray(maps, jnp.float32), radius)
  box = Box(radius, size, (0, size[0]))
  for index in np.ndindex(2, 2):
    wanted = box(np.ascontiguousarray(maps[index[0], ..., index[1]]))
    np.testing.assert_allclose(
      found[index[0], ..., index[1]], wanted, atol=1e-6
    )


def test_a_gradient_goes_to_all_that_was_averaged():
  image = jnp.zeros((1, 5, 5, 1), jnp.float32)
  gradient = jax.grad(lambda x: box_means(x, 1)[0, 2, 2, 0])(image)
  assert (np.asarray(gradient)[0, 1:4, 1:4] == np.float32(1 / 9)).all()
  np.testing.assert_allclose(gradient.sum(), 1, rtol=1e-6)
