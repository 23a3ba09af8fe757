import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.metrics import losses

GOLDEN = pathlib.Path(__file__).parents[1] / 'goldens' / 'metrics.npz'


_cross_entropy = jax.jit(losses.cross_entropy)
_ohem = jax.jit(losses.ohem_cross_entropy)


def _scene(seed: int = 0, shape=(2, 9, 11), classes: int = 4):
  rng = np.random.default_rng(seed)
  logits = rng.normal(0, 2, (*shape, classes)).astype(np.float32)
  labels = rng.integers(0, classes, shape).astype(np.uint8)
  labels[rng.random(shape) < 0.2] = 255
  return logits, labels


def _slow(logits, labels, class_weights, threshold=None, min_kept=None):
  """The textbook: softmax, sorted list, loop over pixels."""
  logits = logits.reshape(-1, logits.shape[-1]).astype(np.float64)
  probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
  pixels = [
    (float(p[k]), float(class_weights[k]))
    for p, k in zip(probabilities, labels.reshape(-1), strict=True)
    if k != 255
  ]
  if threshold is not None and pixels:
    ordered = sorted(p for p, _ in pixels)
    bound = max(threshold, ordered[min(min_kept, len(ordered) - 1)])
    pixels = [(p, w) for p, w in pixels if p < bound]
  return (
    sum(-np.log(p) * w for p, w in pixels),
    sum(w for _, w in pixels),
  )


@pytest.mark.parametrize('weights', [None, (0.5, 1.0, 2.0, 0.0)])
def test_cross_entropy_equals_the_loop(weights):
  logits, labels = _scene()
  found = _cross_entropy(
    logits,
    labels,
    class_weights=None if weights is None else jnp.array(weights),
  )
  expected = _slow(logits, labels, weights or (1.0,) * 4)
  np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize('threshold', [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize('min_kept', [0, 1, 50, 157, 100_000])
def test_ohem_equals_the_loop(threshold, min_kept):
  logits, labels = _scene()
  weights = (0.5, 1.0, 2.0, 0.25)
  found = _ohem(
    logits,
    labels,
    class_weights=jnp.array(weights),
    threshold=threshold,
    min_kept=min_kept,
  )
  expected = _slow(logits, labels, weights, threshold, min_kept)
  np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
  ('threshold', 'kept'), [(0.7, 100_000), (0.7, 500), (0.3, 10), (0.9, 1500)]
)
def test_ohem_equals_the_published_code(threshold, kept):
  with np.load(GOLDEN) as golden:
    logits = np.moveaxis(golden['ohem_logits'], 1, -1)
    labels = golden['ohem_label']
    expected = golden[f'ohem_thres{threshold}_kept{kept}']
  sums = _ohem(logits, labels, threshold=threshold, min_kept=kept)
  np.testing.assert_allclose(losses.mean_loss(*sums), expected, rtol=1e-5)


def test_sums_merge_over_parts_of_the_batch():
  logits, labels = _scene()
  whole = _cross_entropy(logits, labels)
  parts = [_cross_entropy(logits[i], labels[i]) for i in range(2)]
  np.testing.assert_allclose(whole, np.sum(parts, axis=0), rtol=1e-5)


@pytest.mark.parametrize('loss', [_cross_entropy, _ohem], ids=['all', 'hard'])
def test_gradient_is_finite_zero_at_ignored_and_right(loss):
  logits, labels = _scene(shape=(6, 7))

  def mean(x):
    return losses.mean_loss(*loss(x, labels))

  gradient = np.asarray(jax.grad(mean)(logits))
  assert np.isfinite(gradient).all()
  assert not gradient[labels == 255].any()
  row, column = np.argwhere(labels != 255)[3]
  step = np.zeros_like(logits)
  step[row, column, 1] = 1e-2
  slope = (mean(logits + step) - mean(logits - step)) / 2e-2
  np.testing.assert_allclose(gradient[row, column, 1], slope, atol=1e-4)


@pytest.mark.parametrize('loss', [_cross_entropy, _ohem], ids=['all', 'hard'])
def test_nothing_counts_where_all_is_ignored_or_no_class(loss):
  logits, labels = _scene()
  for value in (255, 4):
    empty = np.full_like(labels, value)
    sums, gradient = jax.value_and_grad(
      lambda x, empty=empty: losses.mean_loss(*loss(x, empty))
    )(logits)
    assert sums == 0
    assert not np.asarray(gradient).any()


def test_bfloat16_logits_are_summed_in_float32():
  logits, labels = _scene(shape=(64, 64))
  total, weight = losses.cross_entropy(
    jnp.asarray(logits).astype(jnp.bfloat16), labels
  )
  assert total.dtype == weight.dtype == jnp.float32
  assert int(weight) == np.count_nonzero(labels != 255)


def test_extreme_logits_stay_finite():
  logits = np.array([[1e4, -1e4], [-1e4, 1e4]], np.float32)
  total, weight = losses.ohem_cross_entropy(logits, np.array([1, 1], np.uint8))
  assert (total, weight) == (2e4, 1)
