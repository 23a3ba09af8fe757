"""DeepLabv3+ (Chen et al., ECCV 2018) on a ResNet of output stride 16.

Two simplifications that networks in use share: the convolutions of the
pyramid and the decoder are whole, not separable, and there is no dropout.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers
from magnet_jax.ops import resize

_LOW = 48  # features that are kept of the trunk's finest level


class Pyramid(nn.Module):
  """Looks at a map with several dilations, and at its mean.

  Attributes:
    features: of each view and of the result.
    dilations: of the views besides the map itself and its mean.
    dtype: of the computation.
  """

  features: int = 256
  dilations: tuple[int, ...] = (6, 12, 18)
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
    """Maps [B,H,W,C'] to [B,H,W,features]."""
    unit = functools.partial(layers.ConvNorm, self.features, dtype=self.dtype)
    views = [unit(1, name='view0')(x, train=train)]
    for i, dilation in enumerate(self.dilations, start=1):
      view = unit(dilation=dilation, name=f'view{i}')
      views.append(view(x, train=train))
    mean = x.mean((1, 2), keepdims=True)
    mean = unit(1, name='pool')(mean, train=train)
    views.append(jnp.broadcast_to(mean, views[0].shape))
    x = jnp.concatenate(views, axis=-1)
    return unit(1, name='project')(x, train=train)


class Decoder(nn.Module):
  """Sharpens a coarse map with a fine one."""

  features: int = 256
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, coarse: jax.Array, fine: jax.Array, *, train: bool = False
  ) -> jax.Array:
    """Maps [B,h,w,C'] and [B,H,W,C''] to [B,H,W,features]."""
    unit = functools.partial(layers.ConvNorm, dtype=self.dtype)
    low = unit(_LOW, 1, name='low')(fine, train=train)
    height, width = fine.shape[1:3]
    x = resize.upsample(coarse, (height, width))
    x = jnp.concatenate([x, low], axis=-1)
    for i in (1, 2):
      x = unit(self.features, name=f'unit{i}')(x, train=train)
    return x


class DeepLab(nn.Module):
  """Segments images with a trunk, views of several reaches and a decoder.

  Attributes:
    trunk: maps images to levels, fine to coarse; the first and last are used.
    num_classes: number of classes C.
    features: of the pyramid of views and of the decoder.
    dtype: of the computation; logits are float32 all the same.
  """

  trunk: nn.Module
  num_classes: int
  features: int = 256
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, images: jax.Array, *, train: bool = False, features: bool = False
  ) -> layers.Segmented:
    """Maps normalised images [B,h,w,3] to logits [B,h,w,C].

    With `features` the result is (logits, {'fused': [B,h',w',F]}), with what
    the last layer sees.
    """
    fine, *_, coarse = self.trunk(images, train=train)
    look = Pyramid(self.features, dtype=self.dtype, name='aspp')
    decode = Decoder(self.features, self.dtype, name='decoder')
    x = decode(look(coarse, train=train), fine, train=train)
    logits = layers.convolution(
      self.num_classes, 1, use_bias=True, dtype=self.dtype, name='classify'
    )(x)
    height, width = images.shape[1:3]
    logits = resize.upsample(logits.astype(jnp.float32), (height, width))
    return (logits, {'fused': x}) if features else logits
