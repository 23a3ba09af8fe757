"""Pyramid scene parsing (Zhao et al., CVPR 2017) on a ResNet.

The arrangement is the one that the published Gleason network has: means over
1, 2, 3 and 6 parts of a side are laid beside the trunk's last level, which is
then doubled three times. Unlike the paper's, that trunk is not dilated.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers
from magnet_jax.ops import part_means, resize

_PARTS = (1, 2, 3, 6)  # of a side, whose means are taken


def pyramid(
  level: jax.Array, features: int, dtype: layers.Dtype = jnp.float32
) -> jax.Array:
  """Reduces a level and its means to `features`; to be called in a module."""
  height, width, channels = level.shape[1:]
  means = [
    resize.upsample(
      layers.convolution(channels, 1, dtype=dtype, name=f'pool{i}')(
        part_means.mean_pool(level, (parts, parts))
      ),
      (height, width),
    )
    for i, parts in enumerate(_PARTS)
  ]
  x = jnp.concatenate([*means, level], axis=-1)
  bottleneck = layers.convolution(
    features, 1, use_bias=True, dtype=dtype, name='bottleneck'
  )
  return nn.relu(bottleneck(x))


class Double(nn.Module):
  """Doubles a map's sides, then convolves, normalises and activates."""

  features: int
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
    """Maps [B,H,W,C'] to [B,2H,2W,features]."""
    x = resize.upsample(x, (2 * x.shape[1], 2 * x.shape[2]))
    x = layers.convolution(
      self.features, 3, use_bias=True, dtype=self.dtype, name='conv'
    )(x)
    x = layers.normalisation(train=train, dtype=self.dtype, name='bn')(x)
    # The slope is a number that is learned; PyTorch also starts from .25.
    return nn.PReLU(negative_slope_init=0.25, name='prelu')(x)


class PSPNet(nn.Module):
  """Segments images with a trunk and a pyramid of means.

  In training the auxiliary classifier's logits are sown as `logits` in the
  collection 'auxiliary'; else they are mixed into the result, as published.

  Attributes:
    trunk: maps images to levels, fine to coarse; only the last is used.
    num_classes: number of classes C.
    features: of the bottleneck after the pyramid.
    head: features after each doubling.
    dtype: of the computation; logits are float32 all the same.
  """

  trunk: nn.Module
  num_classes: int
  features: int = 1024
  head: tuple[int, ...] = (256, 64, 64)
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, images: jax.Array, *, train: bool = False, features: bool = False
  ) -> layers.Segmented:
    """Maps normalised images [B,h,w,3] to logits [B,h,w,C].

    With `features` the result is (logits, {'fused': [B,h',w',F]}), with what
    the last layer sees.
    """
    level = self.trunk(images, train=train)[-1]
    auxiliary = self._classify(level, 'auxiliary_classify')
    x = pyramid(level, self.features, self.dtype)
    for i, width in enumerate(self.head, start=1):
      x = Double(width, self.dtype, name=f'up{i}')(x, train=train)
    logits = _resized(self._classify(x, 'final'), images)
    auxiliary = _resized(auxiliary, images)
    if not train:
      logits = layers.blend(logits, auxiliary)
    elif not self.is_initializing():
      self.sow('auxiliary', 'logits', auxiliary)
    return (logits, {'fused': x}) if features else logits

  def _classify(self, x: jax.Array, name: str) -> jax.Array:
    classify = layers.convolution(
      self.num_classes, 1, use_bias=True, dtype=self.dtype, name=name
    )
    return classify(x).astype(jnp.float32)


def _resized(logits: jax.Array, images: jax.Array) -> jax.Array:
  """Logits at the images' own size."""
  height, width = images.shape[1:3]
  return resize.upsample(logits, (height, width))
