"""Object-contextual representations (Yuan et al., ECCV 2020) on HRNet.

Each pixel is described anew by the classes' mean features, weighted by how
much it resembles them; a first, auxiliary classifier says which pixels make
up a class.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers
from magnet_jax.ops import resize


class ObjectAttention(nn.Module):
  """Attends from pixels to object regions.

  Attributes:
    features: of the queries, keys and values.
    dtype: of the computation.
  """

  features: int = 256
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, pixels: jax.Array, regions: jax.Array, *, train: bool = False
  ) -> jax.Array:
    """Maps pixels [B,H,W,F] and regions [B,1,C,F] to contexts [B,H,W,F]."""

    def unit(x: jax.Array, name: str, features: int = 0) -> jax.Array:
      return layers.ConvNorm(
        features or self.features, 1, dtype=self.dtype, name=name
      )(x, train=train)

    queries = unit(unit(pixels, 'pixel0'), 'pixel1')
    keys = unit(unit(regions, 'object0'), 'object1')[:, 0]
    values = unit(regions, 'down')[:, 0]
    scores = jnp.einsum('bhwf,bcf->bhwc', queries, keys).astype(jnp.float32)
    weights = nn.softmax(scores * self.features**-0.5).astype(self.dtype)
    context = jnp.einsum('bhwc,bcf->bhwf', weights, values)
    return unit(context, 'up', pixels.shape[-1])


class OCR(nn.Module):
  """Segments images with a trunk of branches and object context.

  In training the auxiliary classifier's logits are sown as `logits` in the
  collection 'auxiliary'; else they are mixed into the result, as published.

  Attributes:
    trunk: maps images to levels, fine to coarse.
    num_classes: number of classes C.
    features: of the pixels' and regions' descriptions.
    keys: features of the attention.
    dtype: of the computation; logits are float32 all the same.
  """

  trunk: nn.Module
  num_classes: int
  features: int = 512
  keys: int = 256
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, images: jax.Array, *, train: bool = False, features: bool = False
  ) -> layers.Segmented:
    """Maps normalised images [B,h,w,3] to logits [B,h,w,C].

    With `features` the result is (logits, {'fused': [B,h',w',F]}), with what
    the last layer sees.
    """
    levels = self.trunk(images, train=train)
    height, width = levels[0].shape[1:3]
    x = jnp.concatenate(
      [resize.upsample_corners(level, (height, width)) for level in levels],
      axis=-1,
    )
    auxiliary = self._unit(x.shape[-1], 1, 'auxiliary', True)(x, train=train)
    auxiliary = self._classify(auxiliary, 'auxiliary_classify')
    pixels = self._unit(self.features, 3, 'pixels', True)(x, train=train)
    regions = _gather(pixels, auxiliary)
    attend = ObjectAttention(self.keys, self.dtype, name='attention')
    context = attend(pixels, regions, train=train)
    x = jnp.concatenate([context, pixels], axis=-1)
    x = self._unit(self.features, 1, 'merge', False)(x, train=train)
    logits = self._classify(x, 'classify')
    if not train:
      logits = layers.blend(logits, auxiliary)
    elif not self.is_initializing():
      self.sow('auxiliary', 'logits', _resized(auxiliary, images))
    logits = _resized(logits, images)
    return (logits, {'fused': x}) if features else logits

  def _unit(
    self, features: int, kernel: int, name: str, use_bias: bool
  ) -> nn.Module:
    return layers.ConvNorm(
      features, kernel, use_bias=use_bias, dtype=self.dtype, name=name
    )

  def _classify(self, x: jax.Array, name: str) -> jax.Array:
    classify = layers.convolution(
      self.num_classes, 1, use_bias=True, dtype=self.dtype, name=name
    )
    return classify(x).astype(jnp.float32)


def _gather(pixels: jax.Array, logits: jax.Array) -> jax.Array:
  """Mean of the pixels [B,H,W,F] of each class [B,H,W,C]: [B,1,C,F]."""
  weights = nn.softmax(logits, axis=(1, 2))
  means = jnp.einsum('bhwc,bhwf->bcf', weights.astype(pixels.dtype), pixels)
  return means[:, None]


def _resized(logits: jax.Array, images: jax.Array) -> jax.Array:
  """Logits at the images' own size."""
  height, width = images.shape[1:3]
  return resize.upsample_corners(logits, (height, width))
