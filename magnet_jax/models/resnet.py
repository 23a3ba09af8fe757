"""ResNet trunks (He et al., CVPR 2016), in torchvision's variant."""

from collections.abc import Callable
import functools
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers


class BasicBlock(nn.Module):
  """Two 3x3 convolutions and a shortcut; the block of ResNet-18 and -34."""

  features: int
  stride: int = 1
  dilation: int = 1
  momentum: float = 0.9
  dtype: layers.Dtype = jnp.float32
  expansion: int = 1

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
    """Maps [B,H,W,C'] to [B,H/stride,W/stride,features]."""
    conv = functools.partial(layers.convolution, dtype=self.dtype)
    norm = functools.partial(
      layers.normalisation,
      train=train,
      momentum=self.momentum,
      dtype=self.dtype,
    )
    wide = functools.partial(conv, self.features, 3, dilation=self.dilation)
    y = nn.relu(norm(name='bn1')(wide(stride=self.stride, name='conv1')(x)))
    y = norm(name='bn2')(wide(name='conv2')(y))
    return nn.relu(y + _shortcut(x, y.shape[-1], self.stride, conv, norm))


class BottleneckBlock(nn.Module):
  """1x1, 3x3 and 1x1 convolutions and a shortcut; from ResNet-50 on."""

  features: int
  stride: int = 1
  dilation: int = 1
  momentum: float = 0.9
  dtype: layers.Dtype = jnp.float32
  expansion: int = 4
  stride_first: bool = False

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
    """Maps [B,H,W,C'] to [B,H/stride,W/stride,features * expansion]."""
    conv = functools.partial(layers.convolution, dtype=self.dtype)
    norm = functools.partial(
      layers.normalisation,
      train=train,
      momentum=self.momentum,
      dtype=self.dtype,
    )
    # Every stride-th pixel: a strided 1x1 convolution looks at no other.
    seen = x[:, :: self.stride, :: self.stride] if self.stride_first else x
    y = conv(self.features, 1, name='conv1')(seen)
    y = nn.relu(norm(name='bn1')(y))
    y = conv(
      self.features,
      3,
      stride=1 if self.stride_first else self.stride,
      dilation=self.dilation,
      name='conv2',
    )(y)
    y = nn.relu(norm(name='bn2')(y))
    y = conv(self.features * self.expansion, 1, name='conv3')(y)
    y = norm(name='bn3')(y)
    return nn.relu(y + _shortcut(x, y.shape[-1], self.stride, conv, norm))


def _shortcut(
  x: jax.Array,
  features: int,
  stride: int,
  conv: Callable[..., nn.Module],
  norm: Callable[..., Callable[[jax.Array], jax.Array]],
) -> jax.Array:
  """The input itself, or a 1x1 convolution of it where shapes change."""
  if x.shape[-1] == features and stride == 1:
    return x
  # Every stride-th pixel first: a strided 1x1 convolution looks at no other.
  x = x[:, ::stride, ::stride]
  x = conv(features, 1, name='downsample_conv')(x)
  return norm(name='downsample_bn')(x)


class ResNet(nn.Module):
  """A trunk that returns the maps of its four levels.

  Attributes:
    blocks: number of blocks of each level.
    block: BasicBlock or BottleneckBlock.
    width: features of the first level; they double at every further one.
    stem_stride: stride of the 7x7 stem. With `pool` the levels lie at 2, 4, 8
      and 16 times this stride.
    pool: the 3x3 max-pool after the stem; without it all levels are twice as
      fine, for structures a pixel or two wide.
    output_stride: of the last level, with the usual stem. Levels that would
      be coarser keep the resolution and are dilated; their first block has
      the dilation of the level before, as in torchvision.
    plain_first: whether this first block is not dilated at all instead.
    stride_first: whether the first convolution of a block of three halves the
      resolution, as in the original networks, and not the second one.
    dtype: of the computation; parameters and statistics stay float32.
  """

  blocks: tuple[int, ...]
  block: Callable[..., nn.Module]
  width: int = 64
  stem_stride: int = 2
  pool: bool = True
  output_stride: Literal[32, 16, 8] = 32
  plain_first: bool = False
  stride_first: bool = False
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, images: jax.Array, *, train: bool = False, stem: bool = False
  ) -> tuple[jax.Array, ...]:
    """Maps normalised images [B,h,w,3] to the levels, fine to coarse.

    With `stem` what its convolution returns precedes them.
    """
    x = layers.convolution(
      self.width, 7, stride=self.stem_stride, dtype=self.dtype, name='conv1'
    )(images.astype(self.dtype))
    levels = [x] if stem else []
    x = layers.normalisation(train=train, dtype=self.dtype, name='bn1')(x)
    x = nn.relu(x)
    if self.pool:
      x = nn.max_pool(x, (3, 3), (2, 2), padding=((1, 1), (1, 1)))
    block = self.block
    if self.stride_first and block is BottleneckBlock:
      block = functools.partial(block, stride_first=True)
    before = 1
    for level, count in enumerate(self.blocks):
      # Its stride, were it not dilated, is 4 times 2 for every level before.
      dilation = max(1, 4 * 2**level // self.output_stride)
      for i in range(count):
        halve = level > 0 and i == 0 and dilation == 1
        unit = block(
          self.width * 2**level,
          stride=2 if halve else 1,
          dilation=dilation if i else before,
          dtype=self.dtype,
          name=f'layer{level + 1}_{i}',
        )
        x = layers.compute_apart(unit, x, train=train)
      before = 1 if self.plain_first else dilation
      levels.append(x)
    return tuple(levels)


RESNETS = {
  'resnet18': functools.partial(ResNet, blocks=(2, 2, 2, 2), block=BasicBlock),
  'resnet34': functools.partial(ResNet, blocks=(3, 4, 6, 3), block=BasicBlock),
  'resnet50': functools.partial(
    ResNet, blocks=(3, 4, 6, 3), block=BottleneckBlock
  ),
  'resnet101': functools.partial(
    ResNet, blocks=(3, 4, 23, 3), block=BottleneckBlock
  ),
}
