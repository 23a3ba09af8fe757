"""SegFix's corrector: exact on maps and labels, whole or in bands."""

import jax
import numpy as np
import pytest

from magnet_jax.cascade import offset_maps, segfix
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.ops import offsets
from magnet_jax.types import InputError


def _codes(size, seed=0):
  rng = np.random.default_rng(seed)
  return rng.integers(0, offsets.CODES, size).astype(np.uint8)


@pytest.mark.parametrize('size', [(1, 1), (1, 900), (700, 500), (900, 1)])
def test_bands_are_the_whole(size):
  codes, rng = _codes(size), np.random.default_rng(1)
  maps = rng.random((*size, 3), np.float32)
  asked = []

  def read(first, last):
    asked.append(last - first)
    return maps[first:last]

  found = np.concatenate([*segfix.bands(codes, read)])
  np.testing.assert_array_equal(found, offsets.apply(maps, codes))
  assert len(asked) == (2 if size == (700, 500) else 1)


def test_where_nothing_is_known_nothing_is_taken():
  label = np.array([[0, 255, 1, 1]])
  maps = (label[..., None] == [0, 1]).astype(np.float32)
  maps[0, 1] = 0.5
  # Each looks two to the right: at 1, 1, and twice at the last.
  codes = np.full((1, 4), 5, np.uint8)
  found = segfix.moved(maps, codes)
  np.testing.assert_array_equal(found[0], [[0, 1], [0, 1], [0, 1], [0, 1]])
  # Two to the left: at the first, and the one without a class.
  codes[:] = 1
  found = segfix.moved(maps, codes)
  np.testing.assert_array_equal(found[0], [[1, 0], [1, 0], [1, 0], [0, 1]])


def test_a_single_class_stays():
  maps = np.ones((3, 4, 1), np.float32)
  np.testing.assert_array_equal(segfix.moved(maps, _codes((3, 4))), maps)


def _network(weights, images):
  return images @ weights


def test_a_map_is_corrected_by_what_the_network_finds():
  weights = np.random.default_rng(0).normal(0, 4, (3, 10)).astype(np.float32)
  network = jax.tree_util.Partial(_network, weights)
  rng = np.random.default_rng(1)
  image = rng.integers(0, 255, (20, 30, 3)).astype(np.uint8)
  maps = rng.random((20, 30, 4), np.float32)
  found = segfix.correct(network, window=(16, 16))(image, maps)
  codes = offset_maps.OffsetMaps(network, (16, 16)).find(InMemory(image))
  np.testing.assert_array_equal(found, offsets.apply(maps, codes))
  assert (found != maps).any()


def test_settings_are_those_of_the_network():
  corrector = segfix.make(num_classes=3, trunk='resnet18', width=4, head=5)
  assert corrector.module.head == 5 and corrector.refiner is None
  with pytest.raises(InputError, match=r'window \(0, 8\): must be'):
    segfix.make(num_classes=3, window=(0, 8))
  with pytest.raises(InputError, match='certainty 2: must be from 0'):
    segfix.make(num_classes=2, certainty=2)
  with pytest.raises(InputError, match='unknown to segfix'):
    segfix.make(num_classes=3, depth=8)
