"""Feature pyramid and its sum (Lin et al., 2017; Kirillov et al., CVPR 2019).

The arrangement on which PointRend is published: each level is brought to the
finest by convolutions and enlargements in turn, all are added, and one 1x1
convolution classifies the sum. Levels are numbered from 2, as there.
"""

from collections.abc import Sequence
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers
from magnet_jax.ops import resize

_FINEST = 2  # number of the finest level
_GROUP = 4  # features that are normalised together: 32 groups of 128


class Pyramid(nn.Module):
  """Adds to each level of a trunk what is above it.

  Attributes:
    features: of every level.
    dtype: of the computation.
  """

  features: int = 256
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(self, levels: Sequence[jax.Array]) -> list[jax.Array]:
    """Maps levels [B,h,w,F'] to as many [B,h,w,features], fine to coarse."""

    def conv(kernel: int, name: str) -> nn.Module:
      return layers.convolution(
        self.features, kernel, use_bias=True, dtype=self.dtype, name=name
      )

    above: jax.Array | None = None
    pyramid: list[jax.Array] = []
    for i, level in reversed([*enumerate(levels, start=_FINEST)]):
      x = conv(1, f'lateral{i}')(level)
      if above is None:
        above = x
      else:
        above = x + resize.repeated(above, (x.shape[1], x.shape[2]))
      pyramid.insert(0, conv(3, f'output{i}')(above))
    return pyramid


class Sum(nn.Module):
  """Brings all levels to the finest, adds and classifies them.

  Attributes:
    num_classes: C.
    features: of the sum; divisible by 4.
    dtype: of the computation; logits are float32 all the same.
  """

  num_classes: int
  features: int = 128
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, pyramid: Sequence[jax.Array]
  ) -> tuple[jax.Array, jax.Array]:
    """Maps a pyramid to logits [B,h,w,C] and features [B,h,w,features]."""
    added = []
    for i, level in enumerate(pyramid):
      x = level
      # Level i is enlarged i times, with a convolution before each.
      for j in range(max(1, i)):
        name = f'p{i + _FINEST}_{2 * j}'
        x = layers.convolution(
          self.features, 3, dtype=self.dtype, name=f'{name}_conv'
        )(x)
        norm = nn.GroupNorm(
          num_groups=None,
          group_size=_GROUP,
          epsilon=1e-5,
          dtype=self.dtype,
          name=f'{name}_norm',
        )
        x = nn.relu(norm(x))
        if i:
          height, width = pyramid[i - j - 1].shape[1:3]
          x = resize.upsample(x, (height, width))
      added.append(x)
    fused = functools.reduce(jnp.add, added)
    # As in `fpn`: large logits of a fresh network would cost the first steps.
    last = layers.convolution(
      self.num_classes,
      1,
      use_bias=True,
      gain=0.01,
      dtype=self.dtype,
      name='predictor',
    )
    return last(fused).astype(jnp.float32), fused
