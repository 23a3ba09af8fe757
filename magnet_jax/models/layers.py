"""The few layers that all networks share."""

from collections.abc import Callable
import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import batch_norm, initial
from magnet_jax.ops import apart, winograd

Dtype = jax.typing.DTypeLike
# Logits, or these and the features that they are made from, by name.
Segmented = jax.Array | tuple[jax.Array, dict[str, jax.Array]]
_AUXILIARY = 0.4  # weight of auxiliary logits beside the others


def convolution(
  features: int,
  kernel: int,
  *,
  stride: int = 1,
  dilation: int = 1,
  use_bias: bool = False,
  gain: float = 1.0,
  dtype: Dtype = jnp.float32,
  name: str | None = None,
) -> nn.Module:
  """A convolution with PyTorch's symmetric padding and He initialisation.

  A 1x1 kernel becomes a product of matrices, which is the same function: on the
  CPU its gradient is many times as fast. Initial weights are `gain` times those
  of He et al.
  """
  start = initial.he(gain)
  if kernel == 1 and stride == 1:
    return nn.Dense(
      features,
      use_bias=use_bias,
      dtype=dtype,
      kernel_init=start,
      dot_general=_product,
      name=name,
    )
  margin = dilation * (kernel // 2)
  return nn.Conv(
    features,
    (kernel, kernel),
    strides=(stride, stride),
    kernel_dilation=(dilation, dilation),
    padding=((margin, margin), (margin, margin)),
    use_bias=use_bias,
    dtype=dtype,
    kernel_init=start,
    conv_general_dilated=_convolve if stride == dilation == 1 else None,
    name=name,
  )


def _convolve(x: jax.Array, kernel: jax.Array, *given: Any, **more: Any) -> Any:
  """A convolution of stride 1, by fewer products where that is faster."""
  if winograd.worthwhile(x, kernel):
    return winograd.convolve_tiles(x, kernel)
  return jax.lax.conv_general_dilated(x, kernel, *given, **more)


def _product(
  x: jax.Array,
  kernel: jax.Array,
  dimensions: jax.lax.DotDimensionNumbers,
  precision: jax.lax.PrecisionLike = None,
) -> jax.Array:
  """Multiplies [...,C'] and [C',C] as two matrices.

  The gradient of more axes is slower on the CPU, as it transposes the images
  first.
  """
  del dimensions  # a dense layer's, for images of any rank
  flat = x.reshape(-1, x.shape[-1])
  # On a CPU, XLA uses instructions for products of bfloat16 only if these are
  # added up in float32; other devices do that anyway.
  sums = jnp.float32 if _to_add_up(x.dtype) else None
  found = jax.lax.dot(
    flat, kernel, precision=precision, preferred_element_type=sums
  )
  return found.astype(x.dtype).reshape(*x.shape[:-1], kernel.shape[-1])


def _to_add_up(dtype: Dtype) -> bool:
  return dtype == jnp.bfloat16 and jax.default_backend() == 'cpu'


def normalisation(
  *,
  train: bool,
  momentum: float = 0.9,
  epsilon: float = 1e-5,
  dtype: Dtype = jnp.float32,
  name: str | None = None,
) -> Callable[[jax.Array], jax.Array]:
  """Batch normalisation; a momentum of m is PyTorch's 1 - m."""
  norm = batch_norm.BatchNorm(
    momentum=momentum, epsilon=epsilon, dtype=dtype, name=name
  )
  return functools.partial(norm, train=train)


class ConvNorm(nn.Module):
  """A convolution, its batch normalisation and, unless told, a ReLU."""

  features: int
  kernel: int = 3
  stride: int = 1
  dilation: int = 1
  use_bias: bool = False
  relu: bool = True
  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
    """Maps [B,H,W,C'] to [B,H/stride,W/stride,features]."""
    x = convolution(
      self.features,
      self.kernel,
      stride=self.stride,
      dilation=self.dilation,
      use_bias=self.use_bias,
      dtype=self.dtype,
      name='conv',
    )(x)
    x = normalisation(train=train, dtype=self.dtype, name='bn')(x)
    return nn.relu(x) if self.relu else x


def compute_apart(block: nn.Module, x: jax.Array, *, train: bool) -> jax.Array:
  """Calls a block of a chain so that others do not compute it again.

  Only where it is applied: in training, gradients need what is in between.

  Args:
    block: maps (x, train=) to an array, and has been given a name.
    x: [B,H,W,C].
    train: use and update the batch statistics.
  """
  if train or block.is_initializing():
    found: jax.Array = block(x, train=train)
    return found
  plain = block.clone(parent=None)
  return apart.apart(plain.apply)(block.variables, x)


def blend(logits: jax.Array, auxiliary: jax.Array) -> jax.Array:
  """The published networks' output: both classifiers', weighed 1 to .4."""
  return (logits + _AUXILIARY * auxiliary) / (1 + _AUXILIARY)
