"""PointRend for classes (Kirillov et al., CVPR 2020).

A coarse segmenter on a feature pyramid, and a head that decides the points at
which the coarse map is unsure, from the finest level of the pyramid.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers, point_head, semantic_fpn
from magnet_jax.ops import normalise, points, resize


class PointRend(nn.Module):
  """Segments images coarsely and, if asked to, decides unsure points.

  Attributes:
    trunk: maps images to levels, fine to coarse.
    num_classes: number of classes C.
    pyramid: features of the pyramid.
    head: features of the sum of its levels; divisible by 4.
    units: features of the layers of the point head.
    points: of an image, on which the head is trained.
    colours: how the trunk sees them.
    dtype: of the computation; logits are float32 all the same.
  """

  trunk: nn.Module
  num_classes: int
  pyramid: int = 256
  head: int = 128
  units: int = 256
  points: int = 2048
  colours: normalise.Colours = 'normalised'
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self,
    images: jax.Array,
    *,
    train: bool = False,
    features: bool = False,
    decided: int = 0,
  ) -> layers.Segmented:
    """Maps normalised images [B,h,w,3] to logits [B,h,w,C].

    In training the collection 'points' receives, of the random key of this
    name, the chosen 'places' [B,P,2] and their 'logits' [B,P,C].

    Args:
      images: float32.
      train: as of all segmenters.
      features: whether the result is (logits, {'fused': [B,h',w',F]}), with
        what the last layer of the coarse segmenter sees.
      decided: N, how many points the head decides each time that the coarse
        map is enlarged; with 0 it is enlarged at once, and the head not used.
    """
    levels = self.trunk(normalise.COLOURS[self.colours](images), train=train)
    fine, *rest = semantic_fpn.Pyramid(self.pyramid, self.dtype, name='fpn')(
      levels
    )
    coarse, fused = semantic_fpn.Sum(
      self.num_classes, self.head, self.dtype, name='coarse'
    )([fine, *rest])
    head = point_head.PointHead(
      self.num_classes, self.units, dtype=self.dtype, name='point_head'
    )
    decide = functools.partial(_decide, head, fine, coarse)
    size = (images.shape[1], images.shape[2])
    if self.is_initializing():
      decide(jnp.zeros((len(images), 1, 2)))
    elif train:
      places = points.draw(self.make_rng('points'), coarse, self.points)
      self.sow('points', 'places', places)
      self.sow('points', 'logits', decide(places))
    if decided:
      logits = point_head.subdivide(decide, coarse, size, decided)
    else:
      logits = resize.upsample(coarse, size)
    return (logits, {'fused': fused}) if features else logits


def _decide(
  head: point_head.PointHead,
  fine: jax.Array,
  coarse: jax.Array,
  places: jax.Array,
) -> jax.Array:
  """Computes the logits [B,P,C] of points [B,P,2]."""
  return head(points.sample(fine, places), points.sample(coarse, places))
