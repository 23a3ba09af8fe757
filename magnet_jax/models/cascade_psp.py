"""The network of CascadePSP (Cheng et al., CVPR 2020), for one class at a time.

It sees an image and masks of it, and returns a better mask. It looks up to
three times, each time with what it has found before as further masks: at an
eighth of the size, then also at a quarter, then at full size.
"""

import functools
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers, pspnet, resnet
from magnet_jax.ops import resize

PRIOR = 2.0  # logits of a mask that is certain, if it is where to start from


class Looks(NamedTuple):
  """Logits of the mask, float32 [B,h,w] each, at the image's size.

  Attributes:
    full: found at full size, in the last look.
    quarters: found at a quarter of the size, in the second and third look.
    eighths: found at an eighth, in all looks; two if the first was left out.
  """

  full: jax.Array
  quarters: tuple[jax.Array, jax.Array]
  eighths: tuple[jax.Array, ...]


class Pyramid(nn.Module):
  """Reduces a map and the means of its parts to some features."""

  features: int
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(self, level: jax.Array) -> jax.Array:
    """Maps [B,H,W,C'] to [B,H,W,features]."""
    return pspnet.pyramid(level, self.features, self.dtype)


class Up(nn.Module):
  """Enlarges a map to a finer one and adds what two pairs of layers find."""

  features: int
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, x: jax.Array, finer: jax.Array, *, train: bool = False
  ) -> jax.Array:
    """Maps [B,H',W',C'] and [B,H,W,C''] to [B,H,W,features]."""

    def layer(y: jax.Array, number: int) -> jax.Array:
      y = layers.normalisation(
        train=train, dtype=self.dtype, name=f'bn{number}'
      )(y)
      return layers.convolution(
        self.features,
        3,
        use_bias=True,
        dtype=self.dtype,
        name=f'conv{number}',
      )(nn.relu(y))

    x = resize.upsample(x, (finer.shape[1], finer.shape[2]))
    y = layer(layer(jnp.concatenate([x, finer], axis=-1), 1), 2)
    y += layers.convolution(
      self.features, 1, use_bias=True, dtype=self.dtype, name='shortcut'
    )(x)
    return y + layer(layer(y, 3), 4)


class Head(nn.Module):
  """Two 1x1 convolutions to the logit of a pixel."""

  hidden: int
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [B,H,W,C'] to float32 [B,H,W,1]."""
    conv = functools.partial(
      layers.convolution, kernel=1, use_bias=True, dtype=self.dtype
    )
    x = nn.relu(conv(self.hidden, name='hidden')(x))
    # At full size the loss is of probabilities: where the logits were large at
    # first, they would have no gradient and stay wrong.
    return conv(1, gain=0.01, name='logit')(x).astype(jnp.float32)


class CascadePSP(nn.Module):
  """Corrects masks; the defaults are the published widths.

  Attributes:
    trunk: maps images with masks, [B,h,w,6], to levels at output stride 8,
      fine to coarse, and with `stem=True` to a map at stride 2 before them.
    features: of the pyramid.
    widths: of the maps at a quarter, half and full size.
    hidden: features of the heads.
    prior: whether the masks given, times PRIOR, are added to all logits, so
      that only changes are learnt; the published network has no such term.
    dtype: of the computation; logits are float32 all the same.
  """

  trunk: nn.Module = resnet.RESNETS['resnet50'](
    output_stride=8, plain_first=True
  )
  features: int = 1024
  widths: tuple[int, int, int] = (512, 256, 32)
  hidden: int = 32
  prior: bool = False
  dtype: layers.Dtype = jnp.float32

  def setup(self) -> None:
    """Makes the layers that all looks share."""
    self.pyramid = Pyramid(self.features, self.dtype)
    self.up1, self.up2, self.up3 = (
      Up(width, self.dtype) for width in self.widths
    )
    self.eighth = Head(self.hidden, self.dtype)
    self.quarter = Head(self.hidden, self.dtype)
    self.full = Head(self.hidden, self.dtype)

  def __call__(
    self,
    images: jax.Array,
    masks: jax.Array,
    coarse: jax.Array | None = None,
    *,
    train: bool = False,
  ) -> Looks:
    """Corrects masks.

    Args:
      images: normalised float32 [B,h,w,3].
      masks: float32 [B,h,w], 1 inside and -1 outside, or values between.
      coarse: float32 [B,h,w] in -1..1, a mask that was found before; then the
        first look, which would find one, is left out.
      train: whether batch normalisation uses the statistics of the batch.
    """
    size = (images.shape[1], images.shape[2])
    images = images.astype(self.dtype)
    given = PRIOR * masks if self.prior else jnp.zeros((), jnp.float32)
    eighths = []

    def enlarged(logits: jax.Array) -> jax.Array:
      return resize.upsample(logits, size)[..., 0] + given

    def look(
      coarser: jax.Array, finer: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, ...]]:
      seen = jnp.stack([masks, coarser, finer], axis=-1).astype(self.dtype)
      stem, *levels = self.trunk(
        jnp.concatenate([images, seen], axis=-1), train=train, stem=True
      )
      x = self.pyramid(levels[-1])
      eighths.append(enlarged(self.eighth(x)))
      return x, (levels[0], stem)

    if coarse is None:
      look(masks, masks)
      coarse = jnp.tanh(eighths[-1])
    x, (level, _) = look(coarse, coarse)
    x = self.up1(x, level, train=train)
    second = enlarged(self.quarter(x))
    x, (level, stem) = look(jnp.tanh(eighths[-1]), jnp.tanh(second))
    x = self.up1(x, level, train=train)
    third = enlarged(self.quarter(x))
    x = self.up2(x, stem, train=train)
    x = self.up3(x, images, train=train)
    full = self.full(jnp.concatenate([x, images], axis=-1))[..., 0]
    return Looks(full + given, (second, third), tuple(eighths))
