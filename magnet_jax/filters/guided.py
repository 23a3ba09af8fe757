"""The guided filter and the fast guided filter of class probabilities.

He, Sun and Tang, Guided Image Filtering, TPAMI 2013; He and Sun, Fast Guided
Filter, 2015 (arXiv 1505.00996). Both bring the outlines of a map to those of
the image. They run on the host, with OpenCV's running sums and NumPy, band by
band: XLA has no running sum on the CPU whose time is independent of the radius,
and would compile for each size of image.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from magnet_jax.filters.linear_models import (
  Guided,
  LinearModels,
  Planes,
  add_product,
)
from magnet_jax.types import InputError, Size

# As He et al. filter a noisy photograph by a sharp one, taken with flash: edges
# of more than 0.02 in colours of [0, 1] are kept.
RADIUS = 8
EPS = 0.02**2
SUBSAMPLING = 4  # of the fast guided filter's paper
_PIXELS = 2**18  # of a band, approximately
_WHITE = 255.0


def guided(
  image: np.ndarray,
  probabilities: np.ndarray,
  *,
  radius: int = RADIUS,
  eps: float = EPS,
) -> np.ndarray:
  """Filters each class by the image; the result is that of the whole image.

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
  _check(image, probabilities, radius, eps)
  maps = _Whole(image, probabilities, grey=not has_colour(image))
  result = np.empty(probabilities.shape, np.float32)
  height, width = maps.size
  rows = max(2 * radius, _PIXELS // width)
  for first in range(0, height, rows):
    last = min(first + rows, height)
    models = LinearModels(maps, first, last, radius=radius, eps=eps * _WHITE**2)
    guide = maps.guide(first, last)
    _finish(
      [
        _applied(*models.of(index), guide)
        for index in range(probabilities.shape[-1])
      ],
      result[first:last],
    )
  return result


def fast_guided(
  image: np.ndarray,
  probabilities: np.ndarray,
  *,
  radius: int = RADIUS,
  eps: float = EPS,
  subsampling: int = SUBSAMPLING,
) -> np.ndarray:
  """Filters as `guided` does, with models that are found on a reduced image.

  Image and map are averaged over cells of `subsampling` pixels per side, the
  models of these are enlarged bilinearly and applied to the image at full size.

  Args:
    image: uint8 [H,W,3].
    probabilities: float32 [H,W,C], summing to 1.
    radius: of the boxes, in pixels of the image, at least 1.
    eps: as for `guided`.
    subsampling: pixels per side of a cell, at least 1; 1 is `guided` itself.

  Returns:
    float32 [H,W,C], clipped at 0 and summing to 1.

  Raises:
    InputError: a setting is out of range, or the sizes differ.
  """
  _check(image, probabilities, radius, eps)
  if subsampling < 1:
    raise InputError(
      f'subsampling {subsampling}: must be at least 1, which is the whole '
      'image; 4 is usual'
    )
  whole = _Whole(image, probabilities, grey=not has_colour(image))
  maps = _Reduced(whole, subsampling)
  result = np.empty(probabilities.shape, np.float32)
  height, width = whole.size
  small = max(1, round(radius / subsampling))
  rows = max(2 * small, _PIXELS // (width * subsampling))
  for top in range(0, maps.size[0], rows):
    bottom = min(top + rows, maps.size[0])
    # Enlarging needs a row of models on either side.
    outer = max(top - 1, 0), min(bottom + 1, maps.size[0])
    models = LinearModels(maps, *outer, radius=small, eps=eps * _WHITE**2)
    first, last = top * subsampling, min(bottom * subsampling, height)
    skipped = first - outer[0] * subsampling
    kept = slice(skipped, skipped + last - first), slice(0, width)
    guide = whole.guide(first, last)
    planes = []
    for index in range(probabilities.shape[-1]):
      slopes, b = models.of(index)
      large = [_enlarged(each, subsampling)[kept] for each in (*slopes, b)]
      planes.append(_applied(large[:-1], large[-1], guide))
    _finish(planes, result[first:last])
  return result


def has_colour(image: np.ndarray) -> bool:
  """Returns whether the channels of uint8 [H,W,3] differ anywhere."""
  red, green, blue = (image[..., channel] for channel in range(3))
  return not (np.array_equal(red, green) and np.array_equal(red, blue))


def note(image: np.ndarray) -> str:
  """Returns a note about an image without colour; '' for others."""
  if has_colour(image):
    return ''
  return 'has no colour, so its brightness alone guides the filter'


def _check(
  image: np.ndarray, probabilities: np.ndarray, radius: int, eps: float
) -> None:
  if radius < 1:
    raise InputError(
      f'radius {radius}: must be at least 1 pixel; {RADIUS} is the default'
    )
  if not (eps > 0 and math.isfinite(eps)):
    raise InputError(
      f'eps {eps}: must be a finite variance above 0, for colours in [0, 1]; '
      f'{EPS} is the default'
    )
  if image.shape[:2] != probabilities.shape[:2]:
    raise InputError(
      f'probabilities of size {probabilities.shape[:2]}, image of size '
      f'{image.shape[:2]}: must be equal; resize the probabilities'
    )


class _Whole:
  """Image and probabilities at full size."""

  def __init__(
    self, image: np.ndarray, probabilities: np.ndarray, *, grey: bool
  ):
    self._image = image[..., :1] if grey else image
    self._probabilities = probabilities
    self.size: Size = (image.shape[0], image.shape[1])

  def guide(self, first: int, last: int) -> Planes:
    """Returns rows of the image's channels, 0 to 255."""
    rows = self._image[first:last]
    return [
      rows[..., channel].astype(np.float64) for channel in range(rows.shape[-1])
    ]

  def plane(self, index: int, first: int, last: int) -> np.ndarray:
    """Returns rows of a class."""
    return self._probabilities[first:last, :, index].astype(np.float64)


class _Reduced:
  """Guide and maps averaged over square cells."""

  def __init__(self, maps: Guided, side: int):
    self._maps, self._side = maps, side
    height, width = maps.size
    self.size: Size = (-(-height // side), -(-width // side))

  def guide(self, first: int, last: int) -> Planes:
    """Returns rows of the reduced guide."""
    return [self._reduce(p) for p in self._maps.guide(*self._rows(first, last))]

  def plane(self, index: int, first: int, last: int) -> np.ndarray:
    """Returns rows of a reduced map."""
    return self._reduce(self._maps.plane(index, *self._rows(first, last)))

  def _rows(self, first: int, last: int) -> tuple[int, int]:
    return first * self._side, min(last * self._side, self._maps.size[0])

  def _reduce(self, plane: np.ndarray) -> np.ndarray:
    # Cells that extend beyond the edge repeat the last row or column.
    below, right = (-length % self._side for length in plane.shape)
    if below or right:
      plane = np.pad(plane, ((0, below), (0, right)), 'edge')
    height, width = (length // self._side for length in plane.shape)
    return np.asarray(
      cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
    )


def _enlarged(plane: np.ndarray, factor: int) -> np.ndarray:
  """Enlarges a plane bilinearly, pixel centres aligned."""
  height, width = plane.shape
  return np.asarray(
    cv2.resize(
      plane,
      (width * factor, height * factor),
      interpolation=cv2.INTER_LINEAR,
    )
  )


def _applied(slopes: Planes, b: np.ndarray, guide: Planes) -> np.ndarray:
  """Returns a · I + b, for which b is overwritten."""
  for slope, plane in zip(slopes, guide, strict=True):
    add_product(b, slope, plane)
  return b


def _finish(planes: Planes, to: np.ndarray) -> None:
  """Clips a map's planes at 0, makes them sum to 1 and copies them."""
  total = np.zeros_like(planes[0])
  for plane in planes:
    np.maximum(plane, 0, out=plane)
    total += plane
  # At least 1, as sums of 1 were kept until negative values were clipped.
  share = 1 / total
  for index, plane in enumerate(planes):
    np.multiply(plane, share, out=to[..., index], casting='same_kind')
