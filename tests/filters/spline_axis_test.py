import numpy as np
import pytest

from magnet_jax.filters.spline_axis import SplineAxis


def product(axis):
  """Returns splat, blur and slice of the centres of tiles [tiles,tiles]."""
  spread = np.zeros((len(axis.firsts), axis.count))
  for row, first, weights in zip(
    spread, axis.firsts, axis.weights, strict=True
  ):
    row[first : first + len(weights)] = weights
  return spread @ axis.blur @ spread.T


@pytest.mark.parametrize(
  ('spacing', 'highest'), [(1, 0.022), (0.8, 0.0075), (0.5, 0.001)]
)
def test_the_product_is_nearly_the_gaussian(spacing, highest):
  axis = SplineAxis(1003, side=8, sigma=60.0, spacing=spacing)
  centres = np.append(np.arange(3.5, 1000, 8), 1001)
  distances = (centres[:, None] - centres) / 60
  error = product(axis) - np.exp(-(distances**2) / 2)
  assert np.abs(error).max() < highest


def test_weights_sum_to_one():
  axis = SplineAxis(77, side=1, sigma=6.0, spacing=0.7)
  np.testing.assert_allclose(axis.weights.sum(1), 1, rtol=1e-6)
  assert (axis.weights >= 0).all()


def test_tiles_cover_the_axis():
  axis = SplineAxis(13, side=5, sigma=80.0, spacing=1)
  assert [axis.pixels(tile) for tile in range(3)] == [
    slice(0, 5),
    slice(5, 10),
    slice(10, 13),
  ]
