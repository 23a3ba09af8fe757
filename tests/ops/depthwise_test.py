"""Depthwise convolutions against loops over pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.ops import depthwise


def _slow(x, kernel, stride):
  """Every output pixel and tap by itself, zeros outside of the image."""
  side = kernel.shape[0]
  sizes = [-(-n // stride) for n in x.shape[1:3]]
  before = [
    max(0, (m - 1) * stride + side - n) // 2
    for m, n in zip(sizes, x.shape[1:3], strict=True)
  ]
  out = np.zeros((x.shape[0], *sizes, x.shape[3]))
  for row, column, i, j in np.ndindex(*sizes, side, side):
    y = row * stride + i - before[0]
    z = column * stride + j - before[1]
    if 0 <= y < x.shape[1] and 0 <= z < x.shape[2]:
      out[:, row, column] += x[:, y, z] * kernel[i, j, 0]
  return out


def _arrays(size, side, channels=3):
  rng = np.random.default_rng(0)
  x = rng.normal(size=(2, *size, channels)).astype(np.float32)
  kernel = rng.normal(size=(side, side, 1, channels)).astype(np.float32)
  return x, kernel


CASES = [
  ((7, 6), 3, 1),
  ((7, 6), 3, 2),
  ((8, 9), 5, 2),
  ((1, 2), 5, 2),
  ((1, 1), 3, 1),
]


@pytest.mark.parametrize(('size', 'side', 'stride'), CASES)
@pytest.mark.parametrize('make', [depthwise.shift_and_add, depthwise.grouped])
def test_it_is_a_sum_over_taps(make, size, side, stride):
  x, kernel = _arrays(size, side)
  np.testing.assert_allclose(
    jax.jit(make, static_argnums=2)(x, kernel, stride),
    _slow(x, kernel, stride),
    atol=1e-5,
  )


@pytest.mark.parametrize(('size', 'side', 'stride'), CASES)
def test_gradients_are_those_of_the_grouped_convolution(size, side, stride):
  x, kernel = map(jnp.asarray, _arrays(size, side))
  shape = jax.eval_shape(lambda: depthwise.grouped(x, kernel, stride)).shape
  weights = jnp.asarray(np.random.default_rng(1).normal(size=shape), 'float32')

  def gradients(make):
    def total(x, kernel):
      return jnp.sum(weights * make(x, kernel, stride))

    return jax.jit(jax.grad(total, (0, 1)))(x, kernel)

  for found, wanted in zip(
    gradients(depthwise.shift_and_add),
    gradients(depthwise.grouped),
    strict=True,
  ):
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_a_kernel_of_one_tap_at_its_centre_changes_nothing():
  x, kernel = _arrays((5, 4), 5)
  kernel[:] = 0
  kernel[2, 2] = 1
  np.testing.assert_array_equal(
    depthwise.convolve(jnp.asarray(x), jnp.asarray(kernel)), x
  )


@pytest.mark.parametrize('backend', ['cpu', 'gpu'])
def test_the_backend_decides(backend, monkeypatch):
  monkeypatch.setattr(jax, 'default_backend', lambda: backend)
  x, kernel = map(jnp.asarray, _arrays((4, 4), 3))
  # What was traced for a backend is kept: there is only one in a process.
  depthwise.convolve.clear_cache()
  text = str(jax.make_jaxpr(lambda x: depthwise.convolve(x, kernel))(x))
  depthwise.convolve.clear_cache()
  assert ('conv_general_dilated' in text) == (backend == 'gpu')
