"""The deep guided filter: guided by a learnt function of the colours.

Wu, Zheng, Zhang and Huang, Fast End-to-End Trainable Guided Filter, CVPR 2018.
A network maps the colours of each pixel to a guide of its own for each class,
by which the logits of that class are filtered (He et al., 2010): a · G + b, of
means over boxes a = (m(Gp) - m(G)m(p)) / (m(GG) - m(G)² + eps) and
b = m(p) - a m(G), each pixel taking the mean a and b of the boxes around it.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.models.deep_guided import Guide
from magnet_jax.models.refiner import FLOOR
from magnet_jax.ops import normalise
from magnet_jax.ops.box_means import box_means
from magnet_jax.refiners.corrector import Corrector, Trained
from magnet_jax.refiners.refiner import Refiner, Seen
from magnet_jax.types import InputError

RADIUS = 4
EPS = 1e-2


def make(
  *,
  num_classes: int,
  width: int = 64,
  radius: int = RADIUS,
  eps: float = EPS,
  start: str = 'patch',
) -> Corrector:
  """Returns the corrector without variables; its defaults are the published.

  Args:
    num_classes: C.
    width: features of the guide's network.
    radius: of the boxes, in pixels, at least 1.
    eps: variance of the guide below which an area counts as flat; above 0.
    start: the method whose maps it is trained on.

  Raises:
    InputError: a setting is out of range.
  """
  if radius < 1 or not eps > 0:
    raise InputError(
      f'radius {radius} and eps {eps}: must be at least 1 pixel and above 0; '
      f'{RADIUS} and {EPS} are the published ones'
    )
  return Corrector(
    Guide(num_classes, width, parent=None, name=None),
    {'images': np.zeros((1, 1, 1, 3), np.float32)},
    start,
    functools.partial(refiner, radius=radius, eps=eps),
  )


def refiner(
  guide: Trained, *, radius: int = RADIUS, eps: float = EPS
) -> Refiner:
  """Returns the refiner that filters the logarithm of a map.

  Args:
    guide: colours in [0, 1], images=[B,h,w,3] -> guides [B,h,w,C], given as
      `jax.tree_util.Partial(module.apply, variables)`.
    radius: as for `make`.
    eps: as for `make`.
  """
  return Refiner(
    _Filter(radius, eps),
    variables=guide,
    needs=frozenset({'images'}),
    choice='everywhere',
    any_size=True,
    halo=2 * radius,
  )


@dataclasses.dataclass(frozen=True)
class _Filter:
  """A refiner's function; equal ones are compiled once."""

  radius: int
  eps: float

  def __call__(self, guide: Trained, seen: Seen) -> jax.Array:
    assert seen.images is not None
    guides = guide(images=normalise.colours(seen.images))
    return filtered(
      guides, jnp.log(seen.coarse + FLOOR), radius=self.radius, eps=self.eps
    )


def filtered(
  guides: jax.Array, maps: jax.Array, *, radius: int, eps: float
) -> jax.Array:
  """Filters each channel by its guide: float32 [B,h,w,C].

  Args:
    guides: float32 [B,h,w,C].
    maps: float32 [B,h,w,C].
    radius: of the boxes, in pixels.
    eps: penalty on a, in squared units of the guides.
  """
  mean = functools.partial(box_means, radius=radius)
  middle, value = mean(guides), mean(maps)
  covariance = mean(guides * maps) - middle * value
  variance = mean(guides * guides) - middle * middle
  a = covariance / (variance + jnp.float32(eps))
  b = value - a * middle
  return mean(a) * guides + mean(b)
