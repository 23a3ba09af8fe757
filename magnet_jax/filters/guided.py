"""The guided filter of class probabilities.

He, Sun and Tang, Guided Image Filtering, TPAMI 2013. It brings the outlines of
a map to those of the image. It runs on the host, with OpenCV's running sums and
NumPy, band by band: XLA has no running sum on the CPU whose time is independent
of the radius, and would compile for each size of image.
"""

from __future__ import annotations

from collections.abc import Iterator
import functools
import math

import numpy as np

from magnet_jax.filters import bands, linear_models
from magnet_jax.filters.linear_models import LinearModels, Planes
from magnet_jax.types import InputError

# Edges of more than .01 in colours of [0, 1] are kept. Of .005 to .04 about the
# best on val of three sets, photographs and generated scenes.
RADIUS = 8
EPS = 0.01**2
_WHITE = 255.0


def guided(
  image: np.ndarray,
  probabilities: np.ndarray,
  *,
  radius: int = RADIUS,
  eps: float = EPS,
) -> np.ndarray:
  """Filters each class by the image.

  An image without colour, whose channels are all equal, is a guide of one
  channel. Besides its result it needs memory for a band of rows only.

  Args:
    image: uint8 [H,W,3].
    probabilities: float32 [H,W,C], summing to 1.
    radius: of the boxes, in pixels, at least 1.
    eps: variance of the guide, for colours in [0, 1], below which an area
      counts as flat and is smoothed; above 0.

  Returns:
    float32 [H,W,C], clipped at 0 and summing to 1.

  Raises:
    InputError: a setting is out of range, or the sizes differ.
  """
  read = bands.reader(image, probabilities)
  found = guided_bands(image, read, radius=radius, eps=eps)
  return bands.joined(found, probabilities.shape)


def guided_bands(
  image: bands.Image,
  read: bands.Read,
  *,
  radius: int = RADIUS,
  eps: float = EPS,
) -> Iterator[np.ndarray]:
  """Filters a map that is read in bands; the result is that of the whole.

  Args:
    image: uint8 [H,W,3].
    read: reads rows of the map.
    radius: as for `guided`.
    eps: as for `guided`.

  Yields:
    Bands of the result from top to bottom, float32 [n,W,C].

  Raises:
    InputError: a setting is out of range.
  """
  check(radius, eps)
  size, colour = (image.shape[0], image.shape[1]), has_colour(image)
  count = max(2 * radius, bands.PIXELS // size[1])
  for first in range(0, size[0], count):
    rows = first, min(first + count, size[0])
    outer = linear_models.reach(rows, radius, size[0])
    guide = planes(image[slice(*outer)], colour)
    models = LinearModels(guide, rows, size, radius=radius, eps=in_levels(eps))
    here = [plane[rows[0] - outer[0] :][: rows[1] - first] for plane in guide]
    yield bands.each_class(
      read(*outer), rows[1] - first, functools.partial(_exact, models, here)
    )


def _exact(
  models: LinearModels, guide: Planes, plane: np.ndarray
) -> np.ndarray:
  return applied(*models.of(plane), guide)


def has_colour(image: bands.Image) -> bool:
  """Returns whether the channels of uint8 [H,W,3] differ anywhere."""
  height, width = image.shape[:2]
  rows = max(1, bands.PIXELS // width)
  for top in range(0, height, rows):
    first, *others = np.moveaxis(image[slice(top, top + rows)], -1, 0)
    if not all(np.array_equal(first, other) for other in others):
      return True
  return False


def note(image: bands.Image) -> str:
  """Returns a note about an image without colour; '' for others."""
  if has_colour(image):
    return ''
  return 'has no colour, so its brightness alone guides the filter'


def in_levels(eps: float) -> float:
  """Returns an eps of colours in [0, 1] for colours of 0 to 255."""
  return eps * _WHITE**2


def check(radius: int, eps: float) -> None:
  """Raises InputError for a setting that is out of range."""
  if radius < 1:
    raise InputError(
      f'radius {radius}: must be at least 1 pixel; {RADIUS} is the default'
    )
  if not (eps > 0 and math.isfinite(eps)):
    raise InputError(
      f'eps {eps}: must be a finite variance above 0, for colours in [0, 1]; '
      f'{EPS} is the default'
    )


def planes(image: np.ndarray, colour: bool) -> Planes:
  """Returns the channels of an image as planes, 0 to 255."""
  channels = image.shape[-1] if colour else 1
  return [image[..., each].astype(np.float64) for each in range(channels)]


def applied(slopes: Planes, b: np.ndarray, guide: Planes) -> np.ndarray:
  """Returns a · I + b, for which b is overwritten."""
  for slope, plane in zip(slopes, guide, strict=True):
    linear_models.add_product(b, slope, plane)
  return b
