"""The learnt guide of the deep guided filter (Wu et al., CVPR 2018)."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers


class Guide(nn.Module):
  """Maps the colours of each pixel to a guide for each class.

  Two convolutions of 1x1 with a ReLU between them: 256 + 65 C parameters.

  Attributes:
    num_classes: number of classes C.
    width: features between the convolutions; the paper has 64.
    dtype: of the computation; the guide is float32 all the same.
  """

  num_classes: int
  width: int = 64
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(self, *, images: jax.Array) -> jax.Array:
    """Maps colours in [0, 1], [B,h,w,3], to guides: float32 [B,h,w,C]."""
    x = images.astype(self.dtype)
    x = nn.relu(nn.Dense(self.width, dtype=self.dtype, name='conv1')(x))
    x = nn.Dense(self.num_classes, dtype=self.dtype, name='conv2')(x)
    return x.astype(jnp.float32)
