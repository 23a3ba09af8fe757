"""Object-contextual representations (Yuan et al., ECCV 2020) on HRNet.

Each pixel is described anew by the classes' mean features, weighted by how
much it resembles them; a first, auxiliary classifier says which pixels make
up a class.
"""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers
from magnet_jax.ops import resize, strips

# Of a strip in which a CPU describes pixels: of 512 features, what each layer
# makes of it stays in the cache, and whole maps of up to 1024 are not needed.
_PIXELS = 2**12
_LAYERS = ('attention', 'merge', 'classify')  # of the head, below


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


class ContextHead(nn.Module):
  """Describes pixels by regions as well, and classifies them, each by itself.

  Attributes:
    num_classes: number of classes C.
    features: of the pixels' descriptions.
    keys: features of the attention.
    dtype: of the computation.
  """

  num_classes: int
  features: int
  keys: int
  dtype: layers.Dtype

  @nn.compact
  def __call__(
    self, pixels: jax.Array, regions: jax.Array, *, train: bool
  ) -> tuple[jax.Array, jax.Array]:
    """Maps pixels [B,H,W,F] to float32 logits [B,H,W,C], and what they see."""
    attend = ObjectAttention(self.keys, self.dtype, name='attention')
    context = attend(pixels, regions, train=train)
    x = jnp.concatenate([context, pixels], axis=-1)
    merge = layers.ConvNorm(self.features, 1, dtype=self.dtype, name='merge')
    x = merge(x, train=train)
    return _classifier(self.num_classes, self.dtype, 'classify')(x), x


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
    auxiliary = self._unit(x.shape[-1], 1, 'auxiliary')(x, train=train)
    classify = _classifier(self.num_classes, self.dtype, 'auxiliary_classify')
    auxiliary = classify(auxiliary)
    pixels = self._unit(self.features, 3, 'pixels')(x, train=train)
    regions = _gather(pixels, auxiliary)
    head = ContextHead(self.num_classes, self.features, self.keys, self.dtype)
    nn.share_scope(self, head)  # its layers are this module's
    if self.is_initializing() or train or features or not _on_cpu():
      logits, x = head(pixels, regions, train=train)
    else:
      logits = _in_strips(head, self.variables, pixels, regions)
    if not train:
      logits = layers.blend(logits, auxiliary)
    elif not self.is_initializing():
      self.sow('auxiliary', 'logits', _resized(auxiliary, images))
    logits = _resized(logits, images)
    return (logits, {'fused': x}) if features else logits

  def _unit(self, features: int, kernel: int, name: str) -> nn.Module:
    return layers.ConvNorm(
      features, kernel, use_bias=True, dtype=self.dtype, name=name
    )


def _classifier(
  num_classes: int, dtype: layers.Dtype, name: str
) -> Callable[[jax.Array], jax.Array]:
  classify = layers.convolution(
    num_classes, 1, use_bias=True, dtype=dtype, name=name
  )
  return lambda x: classify(x).astype(jnp.float32)


def _on_cpu() -> bool:
  return jax.default_backend() == 'cpu'


def _in_strips(
  head: ContextHead,
  variables: Mapping[str, Any],
  pixels: jax.Array,
  regions: jax.Array,
) -> jax.Array:
  """The head's logits, computed strip by strip on a CPU.

  Maps of a whole window would be many times as large as the rest of what the
  network needs, and their pages are given out anew in each call.
  """
  own = {
    kind: {name: tree[name] for name in _LAYERS if name in tree}
    for kind, tree in variables.items()
  }
  plain = head.clone(parent=None)

  def whole(own: Any, regions: jax.Array, pixels: jax.Array) -> jax.Array:
    logits: jax.Array = plain.apply(own, pixels, regions, train=False)[0]
    return logits

  def parted(own: Any, regions: jax.Array, pixels: jax.Array) -> jax.Array:
    apply = strips.InStrips(
      lambda own, pixels: whole(own, regions, pixels), halo=0, pixels=_PIXELS
    )
    return apply(own, pixels=pixels)

  # A program that is exported here may run elsewhere.
  found: jax.Array = jax.lax.platform_dependent(
    own, regions, pixels, cpu=parted, default=whole
  )
  return found


def _gather(pixels: jax.Array, logits: jax.Array) -> jax.Array:
  """Mean of the pixels [B,H,W,F] of each class [B,H,W,C]: [B,1,C,F]."""
  weights = nn.softmax(logits, axis=(1, 2))
  means = jnp.einsum('bhwc,bhwf->bcf', weights.astype(pixels.dtype), pixels)
  return means[:, None]


def _resized(logits: jax.Array, images: jax.Array) -> jax.Array:
  """Logits at the images' own size."""
  height, width = images.shape[1:3]
  return resize.upsample_corners(logits, (height, width))
