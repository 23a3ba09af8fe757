"""Batch normalisation (Ioffe and Szegedy, ICML 2015) with a short gradient.

The same function, parameters and statistics as flax's. Its gradient is written
out, in two sums over the images and one pass: what JAX derives keeps further
copies of them and takes longer on the CPU.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp

Kept = tuple[jax.Array, jax.Array, jax.Array, jax.Array]


class BatchNorm(nn.Module):
  """Normalises by the statistics of the batch, or by their running average.

  Attributes:
    momentum: of the running average.
    epsilon: added to the variance.
    dtype: of the result; everything is computed in float32.
  """

  momentum: float = 0.9
  epsilon: float = 1e-5
  dtype: jax.typing.DTypeLike = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    """Maps [...,C] to the same shape."""
    shape = x.shape[-1:]
    scale = self.param('scale', nn.initializers.ones, shape, jnp.float32)
    bias = self.param('bias', nn.initializers.zeros, shape, jnp.float32)
    mean = self.variable('batch_stats', 'mean', jnp.zeros, shape, jnp.float32)
    var = self.variable('batch_stats', 'var', jnp.ones, shape, jnp.float32)
    x = x.astype(jnp.float32)
    if not train:
      y = _apply(x, mean.value, _factor(var.value, self.epsilon), scale, bias)
      return y.astype(self.dtype)
    y, batch_mean, batch_var = _normalise(x, scale, bias, self.epsilon)
    if not self.is_initializing():
      keep = self.momentum
      mean.value = keep * mean.value + (1 - keep) * batch_mean
      var.value = keep * var.value + (1 - keep) * batch_var
    return y.astype(self.dtype)


def _factor(var: jax.Array, epsilon: float) -> jax.Array:
  return jax.lax.rsqrt(var + epsilon)


def _apply(
  x: jax.Array,
  mean: jax.Array,
  factor: jax.Array,
  scale: jax.Array,
  bias: jax.Array,
) -> jax.Array:
  mean, slope, bias = (
    jax.lax.expand_dims(each, range(x.ndim - 1))
    for each in (mean, factor * scale, bias)
  )
  return (x - mean) * slope + bias


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _normalise(
  x: jax.Array, scale: jax.Array, bias: jax.Array, epsilon: float
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Returns the normalised images, and mean and variance, never derived."""
  return _forward(x, scale, bias, epsilon)[0]


def _forward(
  x: jax.Array, scale: jax.Array, bias: jax.Array, epsilon: float
) -> tuple[tuple[jax.Array, jax.Array, jax.Array], Kept]:
  axes = tuple(range(x.ndim - 1))
  mean = x.mean(axes)
  var = jnp.maximum(0.0, jnp.square(x).mean(axes) - jnp.square(mean))
  factor = _factor(var, epsilon)
  y = _apply(x, mean, factor, scale, bias)
  return (y, mean, var), (x, mean, factor, scale)


def _backward(
  epsilon: float,
  kept: Kept,
  gradients: tuple[jax.Array, jax.Array, jax.Array],
) -> tuple[jax.Array, jax.Array, jax.Array]:
  del epsilon
  x, mean, factor, scale = kept
  g = gradients[0]
  axes = tuple(range(x.ndim - 1))
  total = g.sum(axes)
  # The gradient of the scale is that of the product with the normalised x.
  of_scale = ((g * x).sum(axes) - mean * total) * factor
  count = x.size // x.shape[-1]
  slope = factor * scale
  along = -slope * factor * of_scale / count
  constant = -slope * total / count - along * mean
  slope, along, constant = (
    jax.lax.expand_dims(each, axes) for each in (slope, along, constant)
  )
  return g * slope + x * along + constant, of_scale, total


_normalise.defvjp(_forward, _backward)
