"""SegFix's windows cover an image of any size exactly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.cascade import offset_maps
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.ops import normalise, offsets


def _network(weights, images):
  """Logits by colour alone, so that windows see what the whole image shows."""
  return images @ weights


WEIGHTS = np.random.default_rng(0).normal(0, 4, (3, 10)).astype(np.float32)


@pytest.fixture(name='maps', scope='module')
def make_maps():
  network = jax.tree_util.Partial(_network, WEIGHTS)
  return offset_maps.OffsetMaps(network, (16, 24))


@pytest.mark.parametrize('size', [(1, 1), (5, 70), (16, 24), (41, 55)])
def test_windows_find_what_the_whole_image_shows(maps, size):
  rng = np.random.default_rng(1)
  # A few colours, all of them clear.
  colours = rng.integers(0, 255, (6, 3))
  image = colours[rng.integers(0, 6, size)].astype(np.uint8)
  logits = normalise.normalise(jnp.asarray(image)) @ WEIGHTS
  near = np.asarray(logits[..., 1] > logits[..., 0])
  expected = np.where(near, logits[..., 2:].argmax(-1) + 1, 0)
  assert near.any() or near.size == 1
  found = maps.find(InMemory(image))
  assert found.dtype == np.uint8 and found.max() < offsets.CODES
  np.testing.assert_array_equal(found, expected)


def test_windows_are_counted(maps):
  assert maps.count((41, 55)) == 4 * 3
  assert maps.count((1, 24)) == 1
