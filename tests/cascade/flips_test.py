"""Views of a window, averaged: against each view on its own."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy_networks

from magnet_jax.cascade import flips
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.cascade.options import Options
from magnet_jax.types import InputError

IMAGES = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype('float32')
AXES = {1: [()], 2: [(), (2,)], 4: [(), (2,), (1,), (1, 2)]}


def _mean(segmenter, images, count):
  """The mean of the probabilities, one view after the other."""
  views = []
  for axes in AXES[count]:
    logits = segmenter(jnp.asarray(np.flip(images, axes)))
    views.append(np.flip(toy_networks.softmax(np.asarray(logits)), axes))
  return np.mean(views, axis=0)


@pytest.mark.parametrize('count', flips.VIEWS)
def test_the_mean_of_the_views(count):
  segmenter = toy_networks.random_segmenter()
  averaged = flips.average(segmenter, count)
  found = toy_networks.softmax(np.asarray(jax.jit(averaged)(IMAGES)))
  np.testing.assert_allclose(found, _mean(segmenter, IMAGES, count), atol=1e-5)
  assert (averaged is segmenter) == (count == 1)


def test_a_mirrored_image_gives_the_mirrored_map():
  averaged = flips.average(toy_networks.random_segmenter(), 4)
  found = averaged(IMAGES)
  for axes in ((1,), (2,), (1, 2)):
    mirrored = np.flip(averaged(jnp.asarray(np.flip(IMAGES, axes))), axes)
    np.testing.assert_allclose(mirrored, found, atol=1e-5)


def test_features_are_those_of_the_image_as_it_is():
  segmenter = jax.tree_util.Partial(
    toy_networks.featured, toy_networks.kernel()
  )
  averaged = flips.average(segmenter, 2)
  _, wanted = segmenter(IMAGES, features=True)
  logits, found = averaged(IMAGES, features=True)
  np.testing.assert_array_equal(found['fused'], wanted['fused'])
  np.testing.assert_array_equal(logits, averaged(IMAGES))


@pytest.mark.parametrize('channels', ['last', 'first'])
@pytest.mark.parametrize('outputs', ['logits', 'probabilities'])
def test_functions_of_numpy_arrays(channels, outputs):
  """With results of half the size, as of networks with a stride."""
  segmenter = toy_networks.random_segmenter()

  def function(images):
    last = images if channels == 'last' else images.transpose(0, 2, 3, 1)
    found = np.array(segmenter(jnp.asarray(last, jnp.float32)))
    if outputs == 'probabilities':
      found = toy_networks.softmax(found)
    images *= 0  # it may write there
    return found if channels == 'last' else found.transpose(0, 3, 1, 2)

  host = HostSegmenter(
    function, 3, normalised=False, channels=channels, outputs=outputs, batch=2
  )
  averaged = flips.average(host, 4)
  pixels = np.arange(2 * 16 * 16 * 3).reshape(2, 16, 16, 3).astype(np.uint8)
  found = toy_networks.softmax(averaged(pixels))
  wanted = _mean(segmenter, pixels.astype(np.float32), 4)
  np.testing.assert_allclose(found, wanted, atol=1e-4)
  assert averaged == dataclasses.replace(
    host, function=averaged.function, outputs='probabilities'
  )


@pytest.mark.usefixtures('one_device')
def test_a_cascade_of_mirrored_images_is_the_mirrored_map():
  """Where windows do not overlap, all of them are mirrored in their places."""
  image = toy_networks.image((32, 64))
  stages = toy_networks.make_plan((32, 64), stages=3)
  plain = toy_networks.mean_cascade()
  both = toy_networks.mean_cascade(flips=2)
  found = both.segment(image, stages)
  mirrored = both.segment(image[:, ::-1], stages)[:, ::-1]
  np.testing.assert_allclose(found, mirrored, atol=1e-5)
  assert np.abs(found - plain.segment(image, stages)).max() > 0.01


@pytest.mark.parametrize('count', [0, 3, 8])
def test_other_numbers_are_refused(count):
  with pytest.raises(InputError, match='flips'):
    Options(flips=count)
