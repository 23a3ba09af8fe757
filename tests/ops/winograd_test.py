"""Convolutions by tiles against sums over taps, and XLA's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import layers
from magnet_jax.ops import winograd


def _slow(x, kernel):
  """A sum over the taps, in float64."""
  height, width = x.shape[1:3]
  padded = np.pad(x.astype(float), [(0, 0), (1, 1), (1, 1), (0, 0)])
  return sum(
    padded[:, i : i + height, j : j + width] @ kernel[i, j].astype(float)
    for i in range(3)
    for j in range(3)
  )


def _arrays(size, channels=(5, 7), batch=2):
  rng = np.random.default_rng(0)
  x = rng.standard_normal((batch, *size, channels[0]), np.float32)
  kernel = rng.standard_normal((3, 3, *channels), np.float32)
  return jnp.asarray(x), jnp.asarray(kernel)


# The last one has strips of which not all are full.
SIZES = [(1, 1), (4, 4), (5, 3), (6, 9), (33, 70), (9, 300), (37, 61)]


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('batch', [1, 3])
def test_it_is_a_sum_over_taps(size, batch):
  x, kernel = _arrays(size, batch=batch)
  wanted = _slow(np.asarray(x), np.asarray(kernel))
  found = np.asarray(winograd.convolve_tiles(x, kernel))
  assert found.shape == wanted.shape and found.dtype == np.float32
  assert np.abs(found - wanted).max() < 1e-5 * np.ptp(wanted)


def test_many_channels_are_as_exact():
  x, kernel = _arrays((64, 64), (256, 128), batch=1)
  wanted = _slow(np.asarray(x), np.asarray(kernel))
  found = np.asarray(winograd.convolve_tiles(x, kernel))
  assert np.abs(found - wanted).max() < 5e-6 * np.ptp(wanted)


def test_strips_do_not_show(monkeypatch):
  x, kernel = _arrays((30, 40), batch=1)
  whole = winograd.by_tiles(x, kernel)
  monkeypatch.setattr(winograd, '_STRIP', 1)
  strips = winograd.by_tiles(x, kernel)
  np.testing.assert_allclose(whole, strips, atol=2e-5)


def test_gradients_are_those_of_the_convolution():
  x, kernel = _arrays((6, 9))
  weights = _arrays((6, 9), (7, 1))[0][..., :7]

  def loss(make):
    return lambda *given: (make(*given) * weights).sum()

  found = jax.grad(loss(winograd.convolve_tiles), (0, 1))(x, kernel)
  wanted = jax.grad(loss(winograd.direct), (0, 1))(x, kernel)
  for one, other in zip(found, wanted, strict=True):
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
  ('size', 'channels', 'kernel', 'wanted'),
  [
    ((16, 32), (96, 128), 3, True),
    ((16, 31), (96, 128), 3, False),
    ((64, 64), (64, 128), 3, False),
    ((64, 64), (256, 95), 3, False),
    ((64, 64), (256, 128), 5, False),
  ],
)
def test_large_convolutions_use_it(size, channels, kernel, wanted):
  x = jax.ShapeDtypeStruct((1, *size, channels[0]), jnp.float32)
  module = layers.convolution(channels[1], kernel, use_bias=True)
  variables = jax.eval_shape(module.init, jax.random.key(0), x)
  text = str(jax.make_jaxpr(module.apply)(variables, x))
  assert ('convolve_tiles' in text) == wanted


@pytest.mark.parametrize('change', [{'stride': 2}, {'dilation': 2}])
def test_only_plain_convolutions_use_it(change):
  x = jax.ShapeDtypeStruct((1, 64, 64, 256), jnp.float32)
  module = layers.convolution(256, 3, **change)
  variables = jax.eval_shape(module.init, jax.random.key(0), x)
  assert 'convolve_tiles' not in str(jax.make_jaxpr(module.apply)(variables, x))


def test_accelerators_have_a_plain_convolution(monkeypatch):
  x = jax.ShapeDtypeStruct((1, 64, 64, 256), jnp.float32)
  module = layers.convolution(256, 3)
  variables = jax.eval_shape(module.init, jax.random.key(0), x)
  monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
  text = str(jax.make_jaxpr(module.apply)(variables, x))
  assert 'convolve_tiles' not in text and 'conv_general_dilated' in text


def test_a_program_for_an_accelerator_holds_a_plain_convolution():
  x, kernel = _arrays((8, 8), batch=1)
  exported = jax.export.export(winograd.convolve_tiles, platforms=['cuda'])
  text = exported(x, kernel).mlir_module()
  assert 'stablehlo.convolution' in text and 'stablehlo.while' not in text
