"""U-Net (Ronneberger et al., MICCAI 2015) with batch normalisation.

Two things differ from the paper, so that images of any size come back at
their own: convolutions are padded, and the way up is a 1x1 convolution and a
bilinear resize to the size of the level's skip connection.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers
from magnet_jax.ops import resize


class DoubleConv(nn.Module):
  """Two 3x3 convolutions, each normalised and rectified."""

  features: int
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
    """Maps [B,H,W,C'] to [B,H,W,features]."""
    for i in (1, 2):
      x = layers.convolution(
        self.features, 3, dtype=self.dtype, name=f'conv{i}'
      )(x)
      x = layers.normalisation(train=train, dtype=self.dtype, name=f'bn{i}')(x)
      x = nn.relu(x)
    return x


class UNet(nn.Module):
  """Segments images by halving and doubling them with skip connections.

  Attributes:
    num_classes: number of classes C.
    width: features of the finest level; they double at every further one.
    levels: how often a side is halved; the paper's is 4.
    dtype: of the computation; logits are float32 all the same.
  """

  num_classes: int
  width: int = 64
  levels: int = 4
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, images: jax.Array, *, train: bool = False, features: bool = False
  ) -> layers.Segmented:
    """Maps normalised images [B,h,w,3] to logits [B,h,w,C].

    With `features` the result is (logits, {'fused': [B,h',w',F]}), with what
    the last layer sees.
    """

    def double(x: jax.Array, level: int, name: str) -> jax.Array:
      block = DoubleConv(self.width * 2**level, self.dtype, name=name)
      return block(x, train=train)

    x = double(images.astype(self.dtype), 0, 'down0')
    skips = []
    for level in range(1, self.levels + 1):
      skips.append(x)
      # 'SAME' pads at the end: the last row of an odd side is kept.
      x = nn.max_pool(x, (2, 2), (2, 2), padding='SAME')
      x = double(x, level, f'down{level}')
    for level in reversed(range(self.levels)):
      reduce = layers.convolution(
        self.width * 2**level,
        1,
        use_bias=True,
        dtype=self.dtype,
        name=f'reduce{level}',
      )
      height, width = skips[level].shape[1:3]
      x = resize.upsample(reduce(x), (height, width))
      x = jnp.concatenate([skips[level], x], axis=-1)
      x = double(x, level, f'up{level}')
    logits = layers.convolution(
      self.num_classes, 1, use_bias=True, dtype=self.dtype, name='final'
    )(x)
    logits = logits.astype(jnp.float32)
    return (logits, {'fused': x}) if features else logits
