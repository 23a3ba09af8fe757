import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.ops import part_means, resize


@pytest.mark.parametrize(
  ('have', 'want'),
  [((7, 9), (3, 4)), ((8, 6), (4, 3)), ((5, 5), (5, 5)), ((9, 1), (1, 1))],
)
def test_means_are_those_of_the_device(have, want):
  rng = np.random.default_rng(0)
  image = rng.integers(0, 256, (*have, 3), dtype=np.uint8)
  found = part_means.part_means(image, want)
  expected = resize.mean_pool(jnp.float32(image)[None], want)[0]
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, expected, rtol=1e-5)
  mask = image[..., 0] > 99
  found = part_means.part_means(mask, want)
  expected = resize.mean_pool(jnp.float32(mask)[None, ..., None], want)
  np.testing.assert_allclose(found, expected[0, ..., 0], atol=1e-6)


def test_the_same_size_changes_nothing():
  mask = np.eye(4, dtype=bool)
  np.testing.assert_array_equal(part_means.part_means(mask, (4, 4)), mask)
