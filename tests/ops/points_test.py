import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.ops import points


def slow_sample(maps, places):
  """Bilinear between pixel centres, point by point."""
  height, width, features = maps.shape
  found = np.zeros((len(places), features))
  for n, place in enumerate(places):
    y, x = np.clip(place * (height, width) - 0.5, 0, (height - 1, width - 1))
    for i in range(height):
      for j in range(width):
        share = max(0, 1 - abs(y - i)) * max(0, 1 - abs(x - j))
        found[n] += share * maps[i, j]
  return found


def slow_margin(logits):
  ordered = np.sort(logits, axis=-1)
  return ordered[..., -1] - ordered[..., -2]


@pytest.fixture(name='rng')
def make_rng():
  return np.random.default_rng(0)


@pytest.mark.parametrize('size', [(5, 7), (1, 4)])
def test_sampling_is_bilinear_between_centres(rng, size):
  maps = rng.normal(size=(2, *size, 3)).astype(np.float32)
  places = rng.random((2, 40, 2), np.float32)
  places[0, :4] = [[0, 0], [1, 1], [0, 1], [0.5, 0.5]]
  found = jax.jit(points.sample)(maps, places)
  for one, wanted in zip(found, zip(maps, places, strict=True), strict=True):
    np.testing.assert_allclose(one, slow_sample(*wanted), atol=1e-5)


def test_centres_are_the_pixels_themselves(rng):
  maps = rng.normal(size=(1, 4, 6, 2)).astype(np.float32)
  labels = rng.integers(0, 9, (1, 4, 6), np.uint8)
  rows, columns = np.mgrid[:4, :6].reshape(2, -1)
  centres = np.stack([(rows + 0.5) / 4, (columns + 0.5) / 6], -1)
  centres = centres.astype(np.float32)[None]
  found = points.sample(maps, centres)
  np.testing.assert_allclose(found, maps.reshape(1, -1, 2), atol=1e-5)
  np.testing.assert_array_equal(
    points.nearest(labels, centres), labels.reshape(1, -1)
  )
  # The far border belongs to the last pixel.
  corner = jnp.ones((1, 1, 2))
  assert points.nearest(labels, corner) == labels[0, -1, -1]


@pytest.mark.parametrize('count', [6, 99])
def test_the_least_certain_pixels(rng, count):
  logits = rng.normal(-5, 2, size=(2, 5, 7, 4)).astype(np.float32)
  logits[0, 1] = 0  # ties
  index, centres = jax.jit(points.least_certain, static_argnums=1)(
    logits, count
  )
  kept = min(count, 35)
  wanted = np.argsort(
    slow_margin(logits).reshape(2, -1), axis=1, kind='stable'
  )[:, :kept]
  np.testing.assert_array_equal(index, wanted)
  np.testing.assert_allclose(centres[..., 0] * 5, wanted // 7 + 0.5, rtol=1e-6)
  np.testing.assert_allclose(centres[..., 1] * 7, wanted % 7 + 0.5, rtol=1e-6)
  values = rng.normal(size=(2, kept, 4)).astype(np.float32)
  changed = points.replace(logits, index, values)
  flat = logits.reshape(2, -1, 4).copy()
  for one, at, new in zip(flat, wanted, values, strict=True):
    one[at] = new
  np.testing.assert_array_equal(changed.reshape(flat.shape), flat)


def test_a_single_class_is_certain_everywhere():
  logits = jnp.zeros((1, 2, 2, 1))
  assert np.isinf(points.margin(logits)).all()
  index, _ = points.least_certain(logits, 3)
  assert index.shape == (1, 3)


def test_points_of_a_training(rng):
  count = 9
  logits = rng.normal(size=(2, 6, 5, 3)).astype(np.float32)
  key = jax.random.key(3)
  found = jax.jit(points.draw, static_argnums=2)(key, logits, count)
  assert found.shape == (2, count, 2)
  first, second = jax.random.split(key)
  candidates = np.asarray(jax.random.uniform(first, (2, 3 * count, 2)))
  kept = int(0.75 * count)
  for one, own, maps in zip(found, candidates, logits, strict=True):
    margins = slow_margin(slow_sample(maps, own))
    wanted = own[np.argsort(margins)[:kept]]
    np.testing.assert_array_equal(
      np.sort(one[:kept], axis=0), np.sort(wanted, axis=0)
    )
  rest = jax.random.uniform(second, (2, count - kept, 2))
  np.testing.assert_array_equal(found[:, kept:], rest)
  assert float(found.min()) >= 0 and float(found.max()) <= 1


def test_the_choice_has_no_gradient_and_reading_has(rng):
  logits = jnp.asarray(rng.normal(size=(1, 4, 4, 2)), jnp.float32)

  def chosen(maps):
    return points.draw(jax.random.key(0), maps, 8).sum()

  def read(maps):
    return points.sample(maps, jnp.full((1, 1, 2), 0.5)).sum()

  none, gradient = jax.jit(lambda x: (jax.grad(chosen)(x), jax.grad(read)(x)))(
    logits
  )
  assert not np.asarray(none).any()
  np.testing.assert_allclose(gradient[0, 1:3, 1:3], 0.25)
  assert float(gradient.sum()) == 2
