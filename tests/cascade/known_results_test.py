"""Networks and images whose result is known without running the method."""

import jax.numpy as jnp
import numpy as np
import pytest
import toy_networks

from magnet_jax.ops import normalise, resize, windows

pytestmark = pytest.mark.usefixtures('one_device')


def _takes_the_scale(*, scale, coarse):
  del coarse
  return jnp.log(scale)


def _takes_the_coarse(*, scale, coarse):
  del scale
  return jnp.log(coarse)


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_no_points_keep_the_upsampled_map(selection):
  size = (40, 50)
  cascade = toy_networks.random_cascade(points=0, selection=selection)
  first, *others = cascade.stages(
    toy_networks.image(size), toy_networks.make_plan(size)
  )
  expected = first.probabilities
  for result in others:
    expected = resize.probabilities(expected, result.stage.size)
    np.testing.assert_allclose(result.probabilities, expected, atol=1e-6)
    assert not result.chosen.any()


@pytest.mark.parametrize(
  ('window', 'selection'),
  [((16, 16), 'window'), ((16, 16), 'image'), ((20, 20), 'window')],
)
def test_a_refiner_that_returns_its_coarse_map_changes_nothing(
  window, selection
):
  size = (40, 50)
  cascade = toy_networks.cascade(
    toy_networks.pixelwise, _takes_the_coarse, points=1.0, selection=selection
  )
  *_, before, after = cascade.stages(
    toy_networks.image(size),
    toy_networks.make_plan(size, window=window, overlap=0.3),
  )
  expected = resize.probabilities(before.probabilities, size)
  # At another network size the map goes there and back: R itself is blurred.
  atol = 2e-5 if window == toy_networks.WINDOW else 0.1
  np.testing.assert_allclose(after.probabilities, expected, atol=atol)


@pytest.mark.parametrize(
  ('size', 'selection'),
  [
    ((40, 50), 'window'),
    ((40, 50), 'image'),
    ((17, 17), 'window'),
    ((9, 60), 'image'),
    ((1, 40), 'window'),
  ],
)
def test_all_points_of_a_pixelwise_network_segment_the_full_image(
  size, selection
):
  image = toy_networks.image(size)
  cascade = toy_networks.cascade(
    toy_networks.pixelwise, _takes_the_scale, points=1.0, selection=selection
  )
  found = cascade.segment(image, toy_networks.make_plan(size, overlap=0.3))
  np.testing.assert_allclose(found, toy_networks.segmented(image), atol=2e-5)


def test_patches_of_a_pixelwise_network_are_the_whole_image():
  image = toy_networks.image((40, 50))
  for overlap in (0.0, 0.5):
    grid = windows.make_grid((40, 50), toy_networks.WINDOW, overlap)
    found = toy_networks.cascade(toy_networks.pixelwise).patches(image, grid)
    np.testing.assert_allclose(found, toy_networks.segmented(image), atol=2e-5)


@pytest.mark.parametrize(
  ('points', 'overlap'), [(1.0, 0.0), (1.0, 0.4), (10**6, 0.4)]
)
def test_all_points_are_the_same_by_window_and_by_image(points, overlap):
  size = (40, 50)
  stages = toy_networks.make_plan(size, overlap=overlap)
  by_window, by_image = (
    toy_networks.random_cascade(points=points, selection=selection).segment(
      toy_networks.image(size), stages
    )
    for selection in ('window', 'image')
  )
  np.testing.assert_allclose(by_window, by_image, atol=2e-6)


_MIDDLE = 47.5 * 2.5


def _telling_place(images):
  """The logit grows with the red of a ramp: it tells the place on it."""
  red = images[..., :1] * normalise.STD[0] + normalise.MEAN[0]
  logit = (red * 255 - _MIDDLE) / 50
  return jnp.concatenate([logit, jnp.zeros_like(logit)], axis=-1)


@pytest.mark.parametrize(
  ('network', 'points', 'selection'),
  [
    ((16, 16), 0.0, 'window'),
    ((13, 13), 0.0, 'window'),
    ((16, 16), 1.0, 'window'),
    ((13, 13), 1.0, 'window'),
    ((16, 20), 1.0, 'image'),
  ],
)
def test_a_ramp_stays_where_it_is(network, points, selection):
  size = (24, 96)
  ramp = np.broadcast_to(np.arange(96)[None, :, None] * 2.5, (*size, 3)).round()
  cascade = toy_networks.cascade(
    _telling_place,
    _takes_the_scale,
    network=network,
    points=points,
    selection=selection,
  )
  found = cascade.segment(ramp.astype(np.uint8), toy_networks.make_plan(size))
  logit = np.log(found[12, :, 0] / found[12, :, 1])
  place = (logit * 50 + _MIDDLE) / 2.5
  # Beyond the outermost centres of stage 0 (8 pixels each) the edge repeats.
  rim = 12 if points == 0 else 2
  shift = (place - np.arange(96))[rim:-rim]
  assert np.abs(shift).max() < 1.0
  assert abs(shift.mean()) < 0.2
