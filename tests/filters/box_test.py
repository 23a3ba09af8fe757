import numpy as np
import pytest
import slow_guided

from magnet_jax.filters.box import Box


@pytest.mark.parametrize('size', [(1, 1), (1, 9), (9, 1), (2, 3), (11, 8)])
@pytest.mark.parametrize('radius', [0, 1, 3, 50])
def test_means_hold_what_lies_inside(size, radius):
  plane = np.random.default_rng(0).random(size)
  found = Box(radius, size, (0, size[0]))(plane)
  for place, rows, columns in slow_guided.boxes(size, radius):
    assert found[place] == pytest.approx(plane[rows, columns].mean(), abs=1e-14)


def test_means_of_a_part_are_those_of_the_whole_away_from_its_cuts():
  plane = np.random.default_rng(0).random((40, 7))
  whole = Box(3, (40, 7), (0, 40))(plane)
  for first, last in ((0, 20), (10, 30), (25, 40)):
    part = Box(3, (40, 7), (first, last))(plane[first:last])
    inside = slice(first + 3 * (first > 0), last - 3 * (last < 40))
    np.testing.assert_allclose(
      part[inside.start - first : inside.stop - first],
      whole[inside],
      rtol=0,
      atol=1e-14,
    )


def test_a_constant_stays_and_small_differences_are_kept():
  # In float32, the squares of these would not differ.
  plane = 200 + 1e-3 * np.random.default_rng(0).random((30, 30))
  box = Box(5, (30, 30), (0, 30))
  np.testing.assert_allclose(box(np.full((30, 30), 0.3)), 0.3, atol=1e-15)
  variance = box(plane**2) - box(plane) ** 2
  for place, rows, columns in slow_guided.boxes((30, 30), 5):
    assert variance[place] == pytest.approx(
      plane[rows, columns].var(), rel=0.05
    )
