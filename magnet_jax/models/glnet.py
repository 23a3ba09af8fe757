"""GLNet: two branches, for the whole image and for its windows.

After Chen, Jiang, Wang, Cui and Qian (CVPR 2019). Each branch is a trunk with a
feature pyramid. The local branch sees, beside its own features, those of the
global one in the same place; the global branch then looks again with those of
all windows, and both decide together.
"""

from collections.abc import Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers
from magnet_jax.ops import normalise, resize

Maps = tuple[jax.Array, ...]
# Of a fresh pyramid's weights, about PyTorch's own. Nothing normalises its
# maps, and both branches' last ones, which are to be alike, would be far apart.
_GAIN = 0.4


class Features(NamedTuple):
  """What a branch shares: maps [B,h,w,F] of each level.

  Attributes:
    levels: of the trunk, fine to coarse.
    pyramid: the three maps of each level of the pyramid in turn, coarse to
      fine: added up, smoothed once, and twice.
  """

  levels: Maps
  pyramid: tuple[Maps, Maps, Maps]


class Pyramid(nn.Module):
  """A feature pyramid that may see another branch's maps beside its own.

  Attributes:
    features: of each level.
    head: of each smoothed level.
    dtype: of the computation.
  """

  features: int = 256
  head: int = 128
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, levels: Sequence[jax.Array], other: Features | None = None
  ) -> tuple[Features, jax.Array]:
    """Computes the pyramid and its last map.

    Args:
      levels: of the trunk, [B,h,w,F'] each, fine to coarse.
      other: maps of the same sizes of the other branch.

    Returns:
      What the branch shares, and [B,h,w,4 head], at the finest level's size.
    """

    def conv(features: int, kernel: int, name: str) -> nn.Module:
      return layers.convolution(
        features,
        kernel,
        use_bias=True,
        gain=_GAIN,
        dtype=self.dtype,
        name=name,
      )

    def beside(own: Sequence[jax.Array], theirs: Sequence[jax.Array]) -> Maps:
      pairs = zip(own, theirs, strict=True)
      return tuple(jnp.concatenate(pair, axis=-1) for pair in pairs)

    seen = beside(levels, other.levels) if other else tuple(levels)
    top, *below = reversed(seen)
    added = [conv(self.features, 1, 'top')(top)]
    for i, level in enumerate(below, start=1):
      above = resize.upsample(added[-1], (level.shape[1], level.shape[2]))
      added.append(above + conv(self.features, 1, f'lateral{i}')(level))
    maps: list[Maps] = [tuple(added)]
    for j, features in enumerate((self.features, self.head)):
      given = beside(maps[j], other.pyramid[j]) if other else maps[j]
      maps.append(
        tuple(
          conv(features, 3, f'smooth{i}_{j + 1}')(level)
          for i, level in enumerate(given, start=1)
        )
      )
    last = beside(maps[2], other.pyramid[2]) if other else maps[2]
    finest = (levels[0].shape[1], levels[0].shape[2])
    x = jnp.concatenate([resize.upsample(level, finest) for level in last], -1)
    if other:
      x = conv(len(last) * self.head, 3, 'smooth')(x)
    return Features(tuple(levels), (maps[0], maps[1], maps[2])), x


class GLNet(nn.Module):
  """The two branches; as a plain segmenter, the global one on its own.

  Attributes:
    trunk: of the global branch, maps images to levels, fine to coarse; the
      local branch has one like it.
    num_classes: number of classes C.
    pyramid: features of the pyramids.
    head: features of each smoothed level.
    centred: whether trunks see normalised colours, as pretrained ones of other
      sources need; the published ones see colours from 0 to 1.
    dtype: of the computation; logits are float32 all the same.
  """

  trunk: nn.Module
  num_classes: int
  pyramid: int = 256
  head: int = 128
  centred: bool = False
  dtype: layers.Dtype = jnp.float32

  def setup(self) -> None:
    """Names the parts."""

    def classifier() -> nn.Module:
      # As in `fpn`: nothing normalises the features.
      return layers.convolution(
        self.num_classes, 3, use_bias=True, gain=0.01, dtype=self.dtype
      )

    def pyramid() -> Pyramid:
      return Pyramid(self.pyramid, self.head, self.dtype)

    self.local_trunk = self.trunk.clone(parent=None, name=None)
    self.global_fpn, self.local_fpn, self.merged_fpn = (
      pyramid() for _ in range(3)
    )
    self.classify, self.local_classify, self.ensemble_classify = (
      classifier() for _ in range(3)
    )

  def __call__(
    self, images: jax.Array, *, train: bool = False, features: bool = False
  ) -> layers.Segmented:
    """Maps normalised images [B,h,w,3] to logits of the global branch alone.

    With `features` the result is (logits, {'fused': [B,h',w',F]}), with what
    the last layer sees.
    """
    shared, last = self.look(images, train=train)
    if self.is_initializing():
      _, local = self.look_closer(images, shared, train=train)
      _, merged = self.look_again(shared, shared)
      self.local_classify(local)
      self.ensemble(local, merged)
    logits = self.enlarged(self.classify(last), images)
    return (logits, {'fused': last}) if features else logits

  def look(
    self, images: jax.Array, *, train: bool = False
  ) -> tuple[Features, jax.Array]:
    """The global branch: what it shares of whole images, and its last map."""
    found: tuple[Features, jax.Array] = self.global_fpn(
      self.trunk(self._colours(images), train=train)
    )
    return found

  def look_closer(
    self, windows: jax.Array, other: Features, *, train: bool = False
  ) -> tuple[Features, jax.Array]:
    """The local branch on windows.

    Args:
      windows: float32 [B,h,w,3], normalised.
      other: what the global branch shares, cut to the windows and resized to
        `sizes`.
      train: whether statistics are of the batch.
    """
    levels = self.local_trunk(self._colours(windows), train=train)
    found: tuple[Features, jax.Array] = self.local_fpn(levels, other)
    return found

  def look_again(
    self, shared: Features, other: Features
  ) -> tuple[Features, jax.Array]:
    """The global branch beside what the local one found in all windows.

    Args:
      shared: its own, of `look`.
      other: of all windows, pasted together.
    """
    found: tuple[Features, jax.Array] = self.merged_fpn(shared.levels, other)
    return found

  def ensemble(
    self, local: jax.Array | None, whole: jax.Array | None
  ) -> jax.Array:
    """Both branches' logits [B,h,w,C], from their last maps [B,h,w,F].

    One that is not given counts as zeros: without the bias, the logits of both
    are the sum of those of each.
    """
    given = local if local is not None else whole
    assert given is not None
    maps = [jnp.zeros_like(given) if x is None else x for x in (local, whole)]
    logits: jax.Array = self.ensemble_classify(jnp.concatenate(maps, axis=-1))
    return logits.astype(jnp.float32)

  def whole_logits(self, last: jax.Array) -> jax.Array:
    """The global branch's own logits [B,h,w,C], from a last map of it."""
    return jnp.asarray(self.classify(last), jnp.float32)

  def window_logits(self, last: jax.Array) -> jax.Array:
    """The local branch's own logits [B,h,w,C], from its last map."""
    return jnp.asarray(self.local_classify(last), jnp.float32)

  def enlarged(self, logits: jax.Array, images: jax.Array) -> jax.Array:
    """Resizes logits to the size of their images: float32 [B,h,w,C]."""
    height, width = images.shape[1:3]
    return resize.upsample(logits.astype(jnp.float32), (height, width))

  def _colours(self, images: jax.Array) -> jax.Array:
    """Images as the trunks were trained on them."""
    return images if self.centred else normalise.colours(images)
