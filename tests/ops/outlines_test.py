"""Pixels on outlines."""

import numpy as np
import pytest

from magnet_jax.ops.outlines import outlines


def _slow(classes):
  height, width = classes.shape
  found = np.zeros(classes.shape, np.float32)
  for y in range(height):
    for x in range(width):
      below = classes[min(y + 1, height - 1), x]
      right = classes[y, min(x + 1, width - 1)]
      found[y, x] = classes[y, x] != below or classes[y, x] != right
  return found


@pytest.mark.parametrize('size', [(5, 7), (1, 4), (3, 1), (1, 1)])
def test_outlines_are_where_the_class_changes(size):
  maps = np.random.default_rng(0).random((*size, 3), np.float32)
  found = outlines(maps)
  assert found.dtype == np.float32 and found.shape == size
  assert np.array_equal(found, _slow(maps.argmax(-1)))


@pytest.mark.parametrize('num_classes', [1, 2])
def test_a_single_class_has_no_outlines(num_classes):
  maps = np.zeros((4, 4, num_classes), np.float32)
  maps[..., 0] = np.random.default_rng(0).random((4, 4))
  assert not outlines(maps).any()
