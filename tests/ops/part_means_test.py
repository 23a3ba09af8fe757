import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.ops import part_means


@pytest.mark.parametrize(
  ('have', 'want'),
  [((7, 9), (3, 4)), ((8, 6), (4, 3)), ((5, 5), (5, 5)), ((9, 1), (1, 1))],
)
def test_means_are_those_of_the_device(have, want):
  rng = np.random.default_rng(0)
  image = rng.integers(0, 256, (*have, 3), dtype=np.uint8)
  found = part_means.part_means(image, want)
  expected = part_means.mean_pool(jnp.float32(image)[None], want)[0]
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, expected, rtol=1e-5)
  mask = image[..., 0] > 99
  found = part_means.part_means(mask, want)
  expected = part_means.mean_pool(jnp.float32(mask)[None, ..., None], want)
  np.testing.assert_allclose(found, expected[0, ..., 0], atol=1e-6)


def test_the_same_size_changes_nothing():
  mask = np.eye(4, dtype=bool)
  np.testing.assert_array_equal(part_means.part_means(mask, (4, 4)), mask)


def _slow_means(maps, size):
  """Part by part; a part holds every pixel that it touches."""
  height, width, _ = maps.shape
  result = np.zeros((*size, maps.shape[-1]))
  for i in range(size[0]):
    for j in range(size[1]):
      rows = slice(i * height // size[0], -(-(i + 1) * height // size[0]))
      columns = slice(j * width // size[1], -(-(j + 1) * width // size[1]))
      result[i, j] = maps[rows, columns].mean((0, 1))
  return result


@pytest.mark.parametrize(
  ('shape', 'size'),
  [
    ((5, 7, 3), (9, 20)),
    ((5, 7, 2), (3, 4)),
    ((5, 7, 1), (1, 1)),
    ((1, 1, 2), (4, 3)),
    ((5, 7, 2), (5, 7)),
    ((6, 20, 2), (3, 4)),
    ((34, 3, 2), (1, 3)),
  ],
)
def test_means_equal_the_slow_ones(shape, size):
  maps = np.random.default_rng(0).random(shape, np.float32)
  found = part_means.mean_pool(jnp.asarray(maps)[None], size)
  np.testing.assert_allclose(found[0], _slow_means(maps, size), atol=1e-5)
