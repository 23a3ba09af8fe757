"""Means over parts and boxes, and repeated pixels, as ONNX."""

import jax.numpy as jnp
import pytest
import written

from magnet_jax.ops import box_means, part_means, resize


@pytest.mark.parametrize('parts', [(1, 1), (2, 2), (3, 2), (6, 6)])
@pytest.mark.parametrize('size', [(6, 12), (7, 11), (1, 4)])
def test_means_of_parts(size, parts):
  def function(x):
    return part_means.mean_pool(x, parts) * 2

  given = written.images(1, size, 2)
  for made in written.ways(function, size):
    assert written.difference(made, function, given) < 1e-5


@pytest.mark.parametrize('by', [1, 2, 8])
@pytest.mark.parametrize('size', [(6, 12), (7, 11), (1, 1)])
def test_means_of_parts_whose_number_follows_the_size(size, by):
  def function(x):
    small = part_means.shrunk(x, by)
    again = part_means.mean_pool(jnp.tanh(x), small.shape[1:3])
    return resize.upsample(small + again, x.shape[1:3])

  given = written.images(1, size, 2)
  for made in written.ways(function, size):
    assert written.difference(made, function, given) < 1e-5


@pytest.mark.parametrize('radius', [0, 1, 4])
@pytest.mark.parametrize('size', [(6, 12), (2, 3), (1, 1)])
def test_means_of_boxes_are_one_node(size, radius):
  def function(x):
    return box_means.box_means(x, radius) - 1

  given = written.images(1, size, 2)
  for made in written.ways(function, size):
    assert written.kinds(made)['AveragePool'] == (radius > 0)
    assert written.difference(made, function, given) < 1e-5


@pytest.mark.parametrize('size', [(6, 12), (7, 11), (1, 1)])
def test_pixels_that_are_repeated(size):
  def function(x):
    half = x[:, ::2, ::2] * 2
    return resize.repeated(half, x.shape[1:3])

  given = written.images(1, size, 2)
  for made in written.ways(function, size):
    assert written.difference(made, function, given) == 0


def test_means_of_whole_images_and_stacks():
  def function(x):
    middle = x.mean((1, 2), keepdims=True)
    spread = jnp.square(x - middle).mean((1, 2, 3))
    wide = jnp.broadcast_to(middle, x.shape)
    both = jnp.concatenate([x, wide], axis=-1) * spread.reshape(-1, 1, 1, 1)
    return jnp.stack([both.max(-1), both[..., 0]], axis=-1)

  given = written.images(2, (7, 11), 2)
  assert written.kinds(written.opened(function, 2))['ReduceMean'] == 2
  assert 'ReduceSum' not in written.kinds(written.opened(function, 2))
  for made in written.ways(function, (7, 11)):
    assert written.difference(made, function, given[:1]) < 1e-5
  assert (
    written.difference(written.ways(function, (7, 11))[1], function, given)
    < 1e-5
  )
