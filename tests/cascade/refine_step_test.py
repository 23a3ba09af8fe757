import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.cascade import refine_step
from magnet_jax.ops import normalise, resize, selection
from magnet_jax.refiners import magnet

CLASSES = 4
SIZE = (12, 10)


def _segmenter(images):
  weights = np.random.default_rng(1).normal(0, 2, (3, CLASSES))
  return images @ jnp.asarray(weights, jnp.float32)


def _mixing(*, scale, coarse):
  return 3 * scale - coarse**2 + 2 * jnp.roll(scale, 1, axis=2)


_refiner = magnet.refiner(_mixing)


def _windows(batch=3, seed=0):
  rng = np.random.default_rng(seed)
  coarse = rng.random((batch, 8, 7, CLASSES), np.float32)
  return {
    'images': rng.integers(0, 256, (batch, *SIZE, 3), np.uint8),
    'coarse': coarse / coarse.sum(-1, keepdims=True),
    'offsets': rng.random((batch, 2), np.float32),
    'ratios': np.full((batch, 2), 0.5, np.float32),
    'valid': np.array([SIZE, (5, 10), (1, 1)], np.int32)[:batch],
  }


_candidates = jax.jit(
  functools.partial(refine_step.candidates, _segmenter, _refiner),
  static_argnames='kernel',
)
_refine = jax.jit(
  functools.partial(refine_step.refine_windows, _segmenter, _refiner),
  static_argnames=('window', 'kernel', 'most'),
)


def test_segmenting_normalises_and_ends_in_probabilities():
  images = _windows()['images']
  found = refine_step.segment_windows(_segmenter, images=images)
  logits = _segmenter(normalise.normalise(jnp.asarray(images)))
  np.testing.assert_allclose(found, jax.nn.softmax(logits), atol=1e-6)
  assert found.dtype == jnp.float32


def test_half_precision_logits_give_float32_probabilities():
  found = refine_step.segment_windows(
    lambda x: _segmenter(x).astype(jnp.bfloat16), images=_windows()['images']
  )
  assert found.dtype == jnp.float32
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)


@jax.jit
def _alone(one):
  y = resize.sample(
    one['coarse'], offset=one['offsets'], ratio=one['ratios'], size=SIZE
  )
  o = refine_step.segment_windows(_segmenter, images=one['images'][None])
  r = jax.nn.softmax(_mixing(scale=o, coarse=y[None]))[0]
  q = selection.score(coarse=y, refined=r, kernel=1, valid=one['valid'])
  return y, r, q


def test_candidates_window_by_window():
  arrays = _windows()
  found = _candidates(**arrays, kernel=1)
  for i in range(3):
    y, r, q = _alone({name: array[i] for name, array in arrays.items()})
    np.testing.assert_allclose(found.coarse[i], y, atol=1e-6)
    np.testing.assert_allclose(found.refined[i], r, atol=1e-6)
    np.testing.assert_allclose(found.scores[i], q, atol=1e-6)


@pytest.mark.parametrize('points', [(0, 0, 0), (7, 3, 1), (120, 50, 1)])
def test_the_points_take_r_and_nothing_else_changes(points):
  arrays = _windows()
  found = _refine(
    **arrays,
    points=np.array(points, np.int32),
    window=SIZE,
    kernel=1,
    most=120,
  )
  given = _candidates(**arrays, kernel=1)
  assert found.chosen.dtype == bool
  for i, count in enumerate(points):
    chosen = np.asarray(found.chosen[i])
    assert chosen.sum() == count
    rows, columns = arrays['valid'][i]
    assert chosen[:rows, :columns].sum() == count  # none in the padding
    scores = np.asarray(given.scores[i])
    if 0 < count < chosen.size:
      assert scores[chosen].min() >= scores[~chosen].max() - 1e-6
    expected = np.where(chosen[..., None], given.refined[i], given.coarse[i])
    np.testing.assert_allclose(found.probabilities[i], expected, atol=1e-6)


def test_a_refiner_that_returns_its_coarse_map_changes_nothing():
  step = functools.partial(
    refine_step.refine_windows,
    _segmenter,
    magnet.refiner(lambda *, scale, coarse: jnp.log(coarse)),
    window=SIZE,
    kernel=1,
    most=50,
  )
  points = np.array([50, 50, 1], np.int32)
  found = jax.jit(step)(**_windows(), points=points)
  given = _candidates(**_windows(), kernel=1)
  np.testing.assert_allclose(found.probabilities, given.coarse, atol=1e-6)


def test_the_step_has_finite_gradients():
  arrays = _windows()
  images = arrays.pop('images')

  def loss(weights):
    found = refine_step.candidates(
      lambda x: x @ weights, _refiner, images=images, **arrays, kernel=1
    )
    return jnp.log(found.refined).mean() + found.scores[0].mean()

  weights = jax.random.normal(jax.random.key(0), (3, CLASSES))
  gradient = jax.jit(jax.grad(loss))(weights)
  assert np.isfinite(np.asarray(gradient)).all()
  assert np.abs(np.asarray(gradient)).max() > 0
