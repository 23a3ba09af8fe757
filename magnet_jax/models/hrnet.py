"""High-resolution trunk (Wang et al., TPAMI 2020): parallel branches."""

from collections.abc import Sequence
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers
from magnet_jax.models.resnet import BasicBlock, BottleneckBlock
from magnet_jax.ops import resize


class Exchange(nn.Module):
  """Blocks on each branch, then every branch gets the sum of all.

  Attributes:
    widths: features of each branch, fine to coarse.
    blocks: basic blocks on each branch.
    dtype: of the computation.
  """

  widths: tuple[int, ...]
  blocks: int
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, branches: Sequence[jax.Array], *, train: bool = False
  ) -> tuple[jax.Array, ...]:
    """Maps [B,H/2^i,W/2^i,widths[i]] for each i to the same shapes."""
    refined = list(branches)
    for i, width in enumerate(self.widths):
      for j in range(self.blocks):
        block = BasicBlock(width, dtype=self.dtype, name=f'branch{i}_{j}')
        refined[i] = layers.compute_apart(block, refined[i], train=train)
    all_of_them = range(len(refined))
    return tuple(
      nn.relu(sum(self._carry(refined, j, i, train) for j in all_of_them))
      for i in all_of_them
    )

  def _carry(
    self, branches: Sequence[jax.Array], source: int, target: int, train: bool
  ) -> jax.Array:
    """What branch `target` receives from branch `source`."""
    unit = functools.partial(layers.ConvNorm, dtype=self.dtype)
    x = branches[source]
    name = f'fuse{target}_{source}'
    if source > target:
      x = unit(self.widths[target], 1, relu=False, name=name)(x, train=train)
      height, width = branches[target].shape[1:3]
      return resize.upsample_corners(x, (height, width))
    for step in range(target - source):
      last = step == target - source - 1
      x = unit(
        self.widths[target if last else source],
        stride=2,
        relu=not last,
        name=f'{name}_{step}',
      )(x, train=train)
    return x


class HRNet(nn.Module):
  """A trunk that keeps its finest level and adds coarser ones beside it.

  Attributes:
    width: features of the finest branch; they double at every further one.
    stem_blocks: bottleneck blocks before the branches part.
    modules: exchanges of the stages of two, three and four branches.
    blocks: basic blocks on each branch of an exchange.
    stem_width: features of the stem.
    stem_stride: stride of each of the stem's two convolutions.
    dtype: of the computation; parameters and statistics stay float32.
  """

  width: int = 18
  stem_blocks: int = 2
  modules: tuple[int, ...] = (1, 3, 2)
  blocks: int = 2
  stem_width: int = 64
  stem_stride: int = 1
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, images: jax.Array, *, train: bool = False
  ) -> tuple[jax.Array, ...]:
    """Maps normalised images [B,h,w,3] to the branches, fine to coarse."""
    x = images.astype(self.dtype)
    for i in (1, 2):
      x = layers.convolution(
        self.stem_width,
        3,
        stride=self.stem_stride,
        dtype=self.dtype,
        name=f'conv{i}',
      )(x)
      x = layers.normalisation(train=train, dtype=self.dtype, name=f'bn{i}')(x)
      x = nn.relu(x)
    for i in range(self.stem_blocks):
      block = BottleneckBlock(
        self.stem_width, dtype=self.dtype, name=f'layer1_{i}'
      )
      x = layers.compute_apart(block, x, train=train)
    branches: tuple[jax.Array, ...] = (x,)
    for stage, count in enumerate(self.modules, start=1):
      widths = tuple(self.width * 2**i for i in range(stage + 1))
      branches = self._part(branches, widths, stage, train)
      for i in range(count):
        branches = Exchange(
          widths, self.blocks, self.dtype, name=f'stage{stage + 1}_{i}'
        )(branches, train=train)
    return branches

  def _part(
    self,
    branches: tuple[jax.Array, ...],
    widths: tuple[int, ...],
    stage: int,
    train: bool,
  ) -> tuple[jax.Array, ...]:
    """Gives the branches their widths and adds a coarser one."""
    unit = functools.partial(layers.ConvNorm, dtype=self.dtype)
    kept = tuple(
      x
      if x.shape[-1] == width
      else unit(width, name=f'transition{stage}_{i}')(x, train=train)
      for i, (x, width) in enumerate(zip(branches, widths, strict=False))
    )
    new = unit(widths[-1], stride=2, name=f'coarser{stage}_{stage}')
    return *kept, new(branches[-1], train=train)


HRNETS = {
  'hrnet18': functools.partial(HRNet),  # W18-small-v2
  'hrnet48': functools.partial(
    HRNet, width=48, stem_blocks=4, modules=(1, 4, 3), blocks=4
  ),
}
