import numpy as np
import pytest

from magnet_jax.ops import interpolation, resize

LENGTHS = [(1, 1), (1, 5), (5, 1), (7, 7), (7, 100), (100, 7), (33, 34)]


def _pixel_by_pixel(maps, want):
  have = len(maps)
  found = []
  for i in range(want):
    centre = min(max((i + 0.5) * have / want - 0.5, 0), have - 1)
    low = int(centre)
    high = min(low + 1, have - 1)
    found.append(maps[low] * (1 - centre + low) + maps[high] * (centre - low))
  return np.stack(found)


@pytest.mark.parametrize('axis', [0, 1])
@pytest.mark.parametrize(('have', 'want'), LENGTHS)
def test_an_axis_is_interpolated_between_pixel_centres(have, want, axis):
  maps = np.random.default_rng(0).random((have, 6, 2), np.float32)
  expected = _pixel_by_pixel(maps, want)
  if axis:
    maps, expected = maps.swapaxes(0, 1), expected.swapaxes(0, 1)
  found = interpolation.interpolate(
    maps, axis, *interpolation.samples(have, want, 0, want)
  )
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize('size', [(64, 40), (7, 90), (1, 1)])
def test_both_axes_resize_as_the_whole_map_is(size):
  maps = np.random.default_rng(0).random((17, 45, 3), np.float32)
  found = maps
  for axis, want in enumerate(size):
    places = interpolation.samples(found.shape[axis], want, 0, want)
    found = interpolation.interpolate(found, axis, *places)
  np.testing.assert_allclose(found, resize.probabilities(maps, size), atol=1e-6)


@pytest.mark.parametrize(('start', 'stop'), [(0, 3), (20, 77), (99, 100)])
def test_a_part_is_that_of_the_whole(start, stop):
  whole = interpolation.samples(7, 100, 0, 100)
  for part, all_of_it in zip(
    interpolation.samples(7, 100, start, stop), whole, strict=True
  ):
    np.testing.assert_array_equal(part, all_of_it[start:stop])
