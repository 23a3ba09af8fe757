import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.ops import resize

GOLDEN = pathlib.Path(__file__).parents[1] / 'goldens' / 'operations.npz'

_sample = jax.jit(resize.sample, static_argnames='size')


def _maps(shape, seed=0):
  return np.random.default_rng(seed).random(shape, np.float32)


def _slow_sample(maps, offset, ratio, size):
  """Pixel by pixel, in float64."""
  height, width, _ = maps.shape
  result = np.zeros((*size, maps.shape[-1]))
  for i in range(size[0]):
    for j in range(size[1]):
      y = np.clip((i + 0.5) * ratio[0] + offset[0] - 0.5, 0, height - 1)
      x = np.clip((j + 0.5) * ratio[1] + offset[1] - 0.5, 0, width - 1)
      top, left = int(y), int(x)
      low, right = min(top + 1, height - 1), min(left + 1, width - 1)
      upper = maps[top, left] * (1 - x + left) + maps[top, right] * (x - left)
      lower = maps[low, left] * (1 - x + left) + maps[low, right] * (x - left)
      result[i, j] = upper * (1 - y + top) + lower * (y - top)
  return result


def _call(maps, offset, ratio, size):
  return np.asarray(
    _sample(
      jnp.asarray(maps),
      offset=jnp.asarray(offset, jnp.float32),
      ratio=jnp.asarray(ratio, jnp.float32),
      size=size,
    )
  )


@pytest.mark.parametrize(
  ('shape', 'offset', 'ratio', 'size'),
  [
    ((7, 9, 3), (0.0, 0.0), (0.5, 0.5), (14, 18)),
    ((7, 9, 3), (1.3, 2.7), (0.4, 0.3), (10, 11)),
    ((7, 9, 2), (0.0, 0.0), (1.75, 2.25), (4, 4)),
    ((7, 9, 2), (-2.0, 5.0), (1.0, 1.0), (9, 9)),  # leaves the map
    ((1, 1, 2), (0.0, 0.0), (0.2, 0.2), (5, 5)),
    ((1, 6, 1), (0.0, 0.5), (0.5, 0.5), (3, 8)),
  ],
)
def test_sample_equals_the_slow_one(shape, offset, ratio, size):
  maps = _maps(shape)
  np.testing.assert_allclose(
    _call(maps, offset, ratio, size),
    _slow_sample(maps, offset, ratio, size),
    atol=1e-5,
  )


def test_sample_at_ratio_one_is_the_map_itself():
  maps = _maps((5, 6, 3))
  np.testing.assert_array_equal(_call(maps, (0, 0), (1, 1), (5, 6)), maps)
  np.testing.assert_array_equal(
    _call(maps, (1, 2), (1, 1), (3, 4)), maps[1:4, 2:]
  )


@pytest.mark.parametrize(
  ('size', 'classes'),
  [((10, 14), 1), ((7, 5), 2), ((3, 29), 7), ((1, 1), 19), ((5, 7), 2)],
)
def test_host_device_and_sample_agree(size, classes):
  maps = _maps((5, 7, classes))
  ratio = (5 / size[0], 7 / size[1])
  sampled = _call(maps, (0, 0), ratio, size)
  found = resize.probabilities(maps, size)
  assert found.shape == (*size, classes)
  np.testing.assert_allclose(found, sampled, atol=2e-5)
  device = resize.upsample(jnp.asarray(maps)[None], size)[0]
  np.testing.assert_allclose(device, sampled, atol=2e-5)


@pytest.mark.parametrize('classes', [128, 129, 300])
def test_more_classes_than_opencv_takes_channels(classes):
  maps = _maps((4, 5, classes))
  found = resize.probabilities(maps, (7, 6))
  apart = [resize.probabilities(maps[..., [c]], (7, 6)) for c in range(classes)]
  np.testing.assert_allclose(found, np.concatenate(apart, axis=-1), atol=1e-6)


@pytest.mark.parametrize('size', [(64, 96), (20, 31), (16, 24)])
def test_bilinear_equals_the_published(size):
  with np.load(GOLDEN) as golden:
    maps = np.moveaxis(golden['bilinear_in'], 0, -1)
    expected = np.moveaxis(golden[f'bilinear_{size[0]}x{size[1]}'], 0, -1)
  np.testing.assert_allclose(
    resize.probabilities(maps, size), expected, atol=1e-5
  )
  np.testing.assert_allclose(
    resize.upsample(jnp.asarray(maps)[None], size)[0], expected, atol=1e-5
  )


@pytest.mark.parametrize('size', [(64, 96), (20, 31), (16, 24)])
def test_corners_on_corners_equals_the_published_bilinear(size):
  with np.load(GOLDEN) as golden:
    maps = np.moveaxis(golden['bilinear_in'], 0, -1)[None]
    expected = np.moveaxis(
      golden[f'bilinear_corners_{size[0]}x{size[1]}'], 0, -1
    )
  found = resize.upsample_corners(jnp.asarray(maps), size)[0]
  np.testing.assert_allclose(found, expected, atol=1e-5)


def _slow_corners(maps, size):
  """Pixel by pixel, in float64: the first and last centres stay in place."""
  height, width, _ = maps.shape
  result = np.zeros((*size, maps.shape[-1]))
  for i in range(size[0]):
    for j in range(size[1]):
      y = i * (height - 1) / max(size[0] - 1, 1)
      x = j * (width - 1) / max(size[1] - 1, 1)
      top, left = int(y), int(x)
      low, right = min(top + 1, height - 1), min(left + 1, width - 1)
      upper = maps[top, left] * (1 - x + left) + maps[top, right] * (x - left)
      lower = maps[low, left] * (1 - x + left) + maps[low, right] * (x - left)
      result[i, j] = upper * (1 - y + top) + lower * (y - top)
  return result


@pytest.mark.parametrize(
  ('shape', 'size'),
  [
    ((5, 7, 3), (9, 20)),
    ((5, 7, 2), (3, 4)),
    ((5, 7, 1), (1, 1)),
    ((1, 1, 2), (4, 3)),
    ((5, 7, 2), (5, 7)),
    ((6, 20, 2), (3, 4)),
    ((34, 3, 2), (1, 3)),
  ],
)
def test_corners_equal_the_slow_ones(shape, size):
  maps = _maps(shape)
  found = resize.upsample_corners(jnp.asarray(maps)[None], size)
  np.testing.assert_allclose(found[0], _slow_corners(maps, size), atol=1e-5)


@pytest.mark.parametrize('size', [(13, 9), (3, 4), (1, 1)])
def test_sums_to_one_are_kept(size):
  maps = _maps((6, 8, 5)) + np.float32(0.01)
  maps /= maps.sum(-1, keepdims=True)
  sampled = _call(maps, (0.3, 1.1), (6 / size[0], 8 / size[1]), size)
  for found in (resize.probabilities(maps, size), sampled):
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
    assert found.min() >= 0


def test_resizing_to_the_same_size_copies_what_will_be_changed():
  maps = _maps((4, 5, 3))
  same = resize.probabilities(maps, (4, 5))
  np.testing.assert_array_equal(same, maps)
  assert not np.shares_memory(same, maps)


# A pixel at position p of an axis of length n must show what lies at the same
# share of the image at every size: slope 4 turns half a pixel into 2.
@pytest.mark.parametrize('size', [(9, 30), (5, 41), (20, 120), (9, 23)])
def test_a_ramp_stays_the_same_ramp(size):
  x = (np.arange(60) + 0.5) * 4
  ramp = np.broadcast_to(x[None, :, None], (10, 60, 3)).astype(np.uint8)
  expected = (np.arange(size[1]) + 0.5) * 60 / size[1] * 4
  rim = 1 + size[1] // 60  # beyond the outermost centres the edge repeats
  found = resize.image(ramp, size)
  assert found.shape == (*size, 3) and found.dtype == np.uint8
  difference = found[..., 0] - expected
  assert np.abs(difference[:, rim:-rim]).max() <= 0.75
  maps = resize.probabilities(ramp[..., :2].astype(np.float32), size)
  assert np.abs(maps[..., 0] - expected)[:, rim:-rim].max() <= 0.51


@pytest.mark.parametrize('size', [(1, 1), (1, 9), (9, 1), (3, 20), (31, 17)])
def test_images_of_any_shape_resize_to_any_size(size):
  for shape in [(1, 1, 3), (1, 12, 3), (12, 1, 3), (7, 5, 3)]:
    pixels = np.full(shape, 77, np.uint8)
    found = resize.image(pixels, size)
    assert found.shape == (*size, 3)
    assert (found == 77).all()


def test_shrinking_averages_what_is_smaller_than_a_pixel():
  checkers = np.indices((8, 8)).sum(0) % 2 * 200
  pixels = np.repeat(checkers[..., None], 3, axis=-1).astype(np.uint8)
  assert (resize.image(pixels, (2, 2)) == 100).all()


@pytest.mark.parametrize('size', [(3, 7), (12, 20), (5, 5), (1, 1)])
def test_labels_take_the_nearest_pixel_centre(size):
  classes = np.random.default_rng(0).integers(0, 250, (6, 10), np.uint8)
  rows = ((np.arange(size[0]) + 0.5) * 6 / size[0]).astype(int)
  columns = ((np.arange(size[1]) + 0.5) * 10 / size[1]).astype(int)
  np.testing.assert_array_equal(
    resize.label(classes, size), classes[rows][:, columns]
  )


def test_sample_has_finite_gradients():
  maps = jnp.asarray(_maps((4, 5, 2)))

  def total(m):
    half = jnp.full(2, 0.5)
    return resize.sample(m, offset=half, ratio=half, size=(8, 10)).sum()

  gradient = jax.jit(jax.grad(total))(maps)
  assert np.isfinite(np.asarray(gradient)).all()
  np.testing.assert_allclose(gradient.sum(), 8 * 10 * 2, rtol=1e-5)


@pytest.mark.parametrize('function', [resize.upsample, resize.upsample_corners])
@pytest.mark.parametrize('size', [(9, 20), (10, 14), (3, 4), (1, 1), (5, 7)])
@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_both_ways_to_resize_and_their_gradients_are_equal(
  function, size, dtype, monkeypatch
):
  features = jnp.asarray(_maps((5, 7, 3)), dtype)[None]
  weights = jnp.asarray(_maps((*size, 3)), dtype)[None]

  def both(backend):
    with monkeypatch.context() as patch:
      patch.setattr(jax, 'default_backend', lambda: backend)
      value, back = jax.vjp(lambda x: function(x, size), features)
      return value, *back(weights)

  precision = 1e-5 if dtype == jnp.float32 else 0.05
  for found, expected in zip(both('cpu'), both('gpu'), strict=True):
    assert found.dtype == dtype and found.shape == expected.shape
    np.testing.assert_allclose(
      np.asarray(found, np.float32),
      np.asarray(expected, np.float32),
      atol=precision,
    )
