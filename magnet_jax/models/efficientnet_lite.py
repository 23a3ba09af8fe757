"""EfficientNet-Lite trunks (Liu, 2020; after Tan and Le, ICML 2019).

EfficientNets without squeeze-and-excitation and with ReLU6, in TensorFlow's
conventions: those of the published ImageNet weights.
"""

import functools
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import initial, layers
from magnet_jax.ops import depthwise, normalise

_EPSILON = 1e-3  # of the batch normalisation, in TensorFlow's networks
# Stages: side of the depthwise kernel, stride, expansion.
_STAGES = (
  (3, 1, 1),
  (3, 2, 6),
  (5, 2, 6),
  (3, 2, 6),
  (5, 1, 6),
  (5, 2, 6),
  (3, 1, 6),
)
# The last stage before each halving: strides 2, 4, 8, 16 and 32.
_LEVELS = (0, 1, 2, 4, 6)


class Depthwise(nn.Module):
  """A depthwise convolution with TensorFlow's padding."""

  kernel: int
  stride: int = 1
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [B,H,W,C] to [B,ceil(H/stride),ceil(W/stride),C]."""
    shape = (self.kernel, self.kernel, 1, x.shape[-1])
    start = initial.he()
    kernel = self.param('kernel', start, shape, jnp.float32)
    return depthwise.convolve(
      x.astype(self.dtype), kernel.astype(self.dtype), self.stride
    )


class InvertedResidual(nn.Module):
  """A 1x1 expansion, a depthwise convolution and a 1x1 projection."""

  features: int
  kernel: int = 3
  stride: int = 1
  expansion: int = 6
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
    """Maps [B,H,W,C'] to [B,ceil(H/stride),ceil(W/stride),features]."""
    dense = functools.partial(layers.convolution, kernel=1, dtype=self.dtype)
    norm = functools.partial(
      layers.normalisation, train=train, epsilon=_EPSILON, dtype=self.dtype
    )
    y = x
    if self.expansion > 1:
      y = dense(self.expansion * x.shape[-1], name='expand')(y)
      y = nn.relu6(norm(name='expand_bn')(y))
    y = Depthwise(self.kernel, self.stride, self.dtype, name='depthwise')(y)
    y = nn.relu6(norm(name='depthwise_bn')(y))
    y = norm(name='project_bn')(dense(self.features, name='project')(y))
    return y + x if y.shape == x.shape else y


class EfficientNetLite(nn.Module):
  """A trunk of up to four levels at strides 4 to 32, or five from 2 on.

  Attributes:
    repeats: blocks of each of the seven stages.
    features: features of each stage.
    stem: features of the stem.
    finest: stride of the finest level, 4 or 2.
    coarsest: stride of the coarsest one; below 32, the stages after it are left
      out, and with them most of the parameters.
    dtype: of the computation; parameters and statistics stay float32.
  """

  repeats: tuple[int, ...]
  features: tuple[int, ...]
  stem: int = 32
  finest: Literal[4, 2] = 4
  coarsest: Literal[32, 16, 8] = 32
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, images: jax.Array, *, train: bool = False
  ) -> tuple[jax.Array, ...]:
    """Maps normalised images [B,h,w,3] to the levels, fine to coarse."""
    x = _as_trained(images).astype(self.dtype)
    x = nn.Conv(
      self.stem,
      (3, 3),
      strides=(2, 2),
      padding='SAME',
      use_bias=False,
      dtype=self.dtype,
      kernel_init=initial.he(),
      name='stem',
    )(x)
    norm = layers.normalisation(
      train=train, epsilon=_EPSILON, dtype=self.dtype, name='stem_bn'
    )
    x = nn.relu6(norm(x))
    levels = []
    block = 0
    last = _LEVELS[self.coarsest.bit_length() - 2]  # of stride 2 is the first
    for stage, (kernel, stride, expansion) in enumerate(_STAGES[: last + 1]):
      for i in range(self.repeats[stage]):
        x = InvertedResidual(
          self.features[stage],
          kernel,
          1 if i else stride,
          expansion,
          self.dtype,
          name=f'block{block}',
        )(x, train=train)
        block += 1
      if stage in _LEVELS:
        levels.append(x)
    return tuple(levels) if self.finest == 2 else tuple(levels[1:])


def _as_trained(images: jax.Array) -> jax.Array:
  """Normalises as these networks were trained: (x - 127) / 128, x in 0..255.

  Not folded into the stem, as that is padded with zeros of this scale.
  """
  shape = (1,) * (images.ndim - 1) + (3,)
  mean = jnp.asarray(normalise.MEAN, jnp.float32).reshape(shape) * 255
  deviation = jnp.asarray(normalise.STD, jnp.float32).reshape(shape) * 255
  pixels = images.astype(jnp.float32)
  return pixels * (deviation / 128) + (mean - 127) / 128


EFFICIENTNETS = {
  'efficientnet_lite0': functools.partial(
    EfficientNetLite,
    repeats=(1, 2, 2, 3, 3, 4, 1),
    features=(16, 24, 40, 80, 112, 192, 320),
  ),
  'efficientnet_lite1': functools.partial(
    EfficientNetLite,
    repeats=(1, 3, 3, 4, 4, 5, 1),
    features=(16, 24, 40, 80, 112, 192, 320),
  ),
  'efficientnet_lite2': functools.partial(
    EfficientNetLite,
    repeats=(1, 3, 3, 4, 4, 5, 1),
    features=(16, 24, 48, 88, 120, 208, 352),
  ),
}
