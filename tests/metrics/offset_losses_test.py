"""Losses of SegFix against loops in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.metrics import losses, offset_losses

_boundary = jax.jit(offset_losses.boundary_loss)
_direction = jax.jit(offset_losses.direction_loss)


def _scene(seed=0, shape=(2, 9, 11)):
  rng = np.random.default_rng(seed)
  maps = [rng.normal(0, 2, (*shape, n)).astype(np.float32) for n in (2, 8)]
  boundary = (rng.random(shape) < 0.2).astype(np.uint8)
  direction = rng.integers(0, 8, shape).astype(np.uint8)
  for each in (boundary, direction):
    each[rng.random(shape) < 0.2] = 255
  return *maps, boundary, direction


def _log_softmax(logits):
  logits = logits.astype(np.float64)
  return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def test_boundary_equals_the_loop():
  logits, _, boundary, _ = _scene()
  known = boundary != 255
  shares = [(boundary == index).sum() / known.sum() for index in (0, 1)]
  total = weight = 0.0
  pairs = zip(_log_softmax(logits)[known], boundary[known], strict=True)
  for logs, index in pairs:
    total -= logs[index] * (1 - shares[index])
    weight += 1 - shares[index]
  np.testing.assert_allclose(
    _boundary(logits, boundary), (total, weight), rtol=1e-5
  )


def test_direction_counts_only_where_an_outline_is_predicted():
  boundary_logits, logits, _, direction = _scene()
  boundary_logits[0, 0] = 0  # a probability of .5 exactly
  total, count = 0.0, 0
  for near, logs, index in zip(
    boundary_logits.reshape(-1, 2),
    _log_softmax(logits).reshape(-1, 8),
    direction.ravel(),
    strict=True,
  ):
    if index < 8 and near[1] > near[0]:
      total -= logs[index]
      count += 1
  found = _direction(logits, direction, boundary=boundary_logits)
  np.testing.assert_allclose(found, (total, count), rtol=1e-5)


@pytest.mark.parametrize('value', [0, 1, 255])
def test_a_boundary_of_one_kind_counts_nothing(value):
  logits, _, boundary, _ = _scene()
  total, weight = _boundary(logits, np.full_like(boundary, value))
  assert total == 0 and weight == 0
  assert losses.mean_loss(total, weight) == 0


def test_gradients_are_finite_and_leave_the_mask_alone():
  boundary_logits, logits, boundary, direction = _scene()

  def each(near, towards):
    one = losses.mean_loss(*offset_losses.boundary_loss(near, boundary))
    two = losses.mean_loss(
      *offset_losses.direction_loss(towards, direction, boundary=near)
    )
    return jnp.stack([one, two])

  both = jax.jit(jax.jacobian(each, (0, 1)))(boundary_logits, logits)
  assert all(bool(jnp.isfinite(grads).all()) for grads in both)
  assert both[0][0].any() and both[1][1].any()
  assert not both[0][1].any()
