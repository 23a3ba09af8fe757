"""SegFix (Yuan et al., ECCV 2020): outlines, and which way is inside.

The network sees the image alone and says for each pixel whether an outline is
near and in which of eight directions the inside of its region lies. What is
inside is segmented more reliably, so labels near outlines are taken from there.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.models import layers
from magnet_jax.ops import normalise, resize
from magnet_jax.ops.offsets import DIRECTIONS

BOUNDARY = 2  # logits: far from any outline, near one
_NEVER = 99.0  # logits, of which the probability is 0


class Head(nn.Module):
  """A 1x1 convolution with normalisation and ReLU, and a 1x1 to logits.

  Attributes:
    outputs: number of logits.
    features: of the first convolution.
    dtype: of the computation; logits are float32 all the same.
  """

  outputs: int
  features: int = 256
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
    """Maps [B,h',w',F] to logits [B,h',w',outputs]."""
    unit = layers.ConvNorm(self.features, 1, dtype=self.dtype, name='unit')
    classify = layers.convolution(
      self.outputs, 1, dtype=self.dtype, name='classify'
    )
    return classify(unit(x, train=train)).astype(jnp.float32)


class Heads(nn.Module):
  """Both heads on the levels of a trunk, resized to the finest and joined.

  With the four branches of an HRNet of width 18 they have 141,824 parameters,
  with 48 they have 372,224.

  Attributes:
    features: of each head's first convolution.
    dtype: of the computation; logits are float32 all the same.
  """

  features: int = 256
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, levels: tuple[jax.Array, ...], *, train: bool = False
  ) -> jax.Array:
    """Maps levels, fine to coarse, to logits [B,h',w',2+8] of the finest."""
    height, width = levels[0].shape[1:3]
    x = jnp.concatenate(
      [resize.upsample_corners(level, (height, width)) for level in levels],
      axis=-1,
    )
    heads = {'boundary': BOUNDARY, 'direction': len(DIRECTIONS)}
    logits = [
      Head(outputs, self.features, self.dtype, name=name)(x, train=train)
      for name, outputs in heads.items()
    ]
    return jnp.concatenate(logits, axis=-1)


class SegFix(nn.Module):
  """Finds outlines and directions in images.

  Attributes:
    trunk: maps images to levels, fine to coarse.
    head: features of each head's first convolution.
    colours: how the trunk sees them.
    certainty: shortest mean of the directions, as vectors of length 1 by their
      probabilities, at which an outline counts as near, but in training: from
      0, as published, to 1.
    dtype: of the computation; logits are float32 all the same.
  """

  trunk: nn.Module
  head: int = 256
  colours: normalise.Colours = 'normalised'
  certainty: float = 0.0
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(self, images: jax.Array, *, train: bool = False) -> jax.Array:
    """Maps normalised images [B,h,w,3] to logits [B,h,w,2+8].

    The first two are those of `BOUNDARY`, the others of the inward direction,
    in the order of `offsets.DIRECTIONS`.
    """
    levels = self.trunk(normalise.COLOURS[self.colours](images), train=train)
    heads = Heads(self.head, self.dtype, name='heads')
    logits = heads(levels, train=train)
    height, width = images.shape[1:3]
    logits = resize.upsample_corners(logits, (height, width))
    if train or not self.certainty:
      return logits
    far, near = logits[..., :1], logits[..., 1:BOUNDARY]
    inwards = logits[..., BOUNDARY:]
    sure = length(jax.nn.softmax(inwards)) >= self.certainty
    near = jnp.where(sure[..., None], near, far - _NEVER)
    return jnp.concatenate([far, near, inwards], axis=-1)


def length(probabilities: jax.Array) -> jax.Array:
  """Returns how long the mean of directions is: float32 [...], in [0, 1].

  It is 1 if there is only one, and 0 if each is as probable as its opposite.

  Args:
    probabilities: float32 [...,8], in the order of `offsets.DIRECTIONS`.
  """
  vectors = np.array(DIRECTIONS, np.float32)
  vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
  return jnp.linalg.norm(probabilities @ vectors, axis=-1)
