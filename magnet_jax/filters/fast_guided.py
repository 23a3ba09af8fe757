"""The fast guided filter of class probabilities.

He and Sun, Fast Guided Filter, 2015 (arXiv 1505.00996): the guided filter, with
models of a reduced image and a reduced map.
"""

from __future__ import annotations

from collections.abc import Iterator
import functools

import cv2
import numpy as np

from magnet_jax.filters import bands, guided, linear_models
from magnet_jax.filters.guided import EPS, RADIUS
from magnet_jax.filters.linear_models import LinearModels, Planes
from magnet_jax.types import InputError

SUBSAMPLING = 4  # of the paper


def fast_guided(
  image: np.ndarray,
  probabilities: np.ndarray,
  *,
  radius: int = RADIUS,
  eps: float = EPS,
  subsampling: int = SUBSAMPLING,
) -> np.ndarray:
  """Filters as `guided.guided` does, with models found on a reduced image.

  Image and map are averaged over cells of `subsampling` pixels per side, the
  models of these are enlarged bilinearly and applied to the image at full size.

  Args:
    image: uint8 [H,W,3].
    probabilities: float32 [H,W,C], summing to 1.
    radius: of the boxes, in pixels of the image, at least 1.
    eps: as for `guided.guided`.
    subsampling: pixels per side of a cell, at least 1; 1 is `guided.guided`.

  Returns:
    float32 [H,W,C], clipped at 0 and summing to 1.

  Raises:
    InputError: a setting is out of range, or the sizes differ.
  """
  read = bands.reader(image, probabilities)
  found = fast_guided_bands(
    image, read, radius=radius, eps=eps, subsampling=subsampling
  )
  return bands.joined(found, probabilities.shape)


def fast_guided_bands(
  image: np.ndarray,
  read: bands.Read,
  *,
  radius: int = RADIUS,
  eps: float = EPS,
  subsampling: int = SUBSAMPLING,
) -> Iterator[np.ndarray]:
  """Filters as `fast_guided` does, in bands as `guided.guided_bands` does."""
  guided.check(radius, eps)
  side = subsampling
  if side < 1:
    raise InputError(
      f'subsampling {side}: must be at least 1, which is the whole image; '
      f'{SUBSAMPLING} is the default'
    )
  height, width = image.shape[:2]
  colour = guided.has_colour(image)
  cells = -(-height // side), -(-width // side)
  radius = max(1, round(radius / side))
  count = max(2 * radius, bands.PIXELS // (width * side))
  for top in range(0, cells[0], count):
    bottom = min(top + count, cells[0])
    # Enlarging needs a row of models on either side.
    inner = max(top - 1, 0), min(bottom + 1, cells[0])
    outer = linear_models.reach(inner, radius, cells[0])
    read_rows = outer[0] * side, min(outer[1] * side, height)
    models = LinearModels(
      [
        _reduced(p, side)
        for p in guided.planes(image[slice(*read_rows)], colour)
      ],
      inner,
      cells,
      radius=radius,
      eps=guided.in_levels(eps),
    )
    rows = top * side, min(bottom * side, height)
    skipped = (top - inner[0]) * side
    yield bands.each_class(
      read(*read_rows),
      rows[1] - rows[0],
      functools.partial(
        _fast,
        models,
        guided.planes(image[slice(*rows)], colour),
        side=side,
        kept=slice(skipped, skipped + rows[1] - rows[0]),
      ),
    )


def _fast(
  models: LinearModels,
  guide: Planes,
  plane: np.ndarray,
  *,
  side: int,
  kept: slice,
) -> np.ndarray:
  slopes, b = models.of(_reduced(plane, side))
  *slopes, b = (
    _enlarged(each, side)[kept, : plane.shape[1]] for each in (*slopes, b)
  )
  return guided.applied(slopes, b, guide)


def _reduced(plane: np.ndarray, side: int) -> np.ndarray:
  """Averages a plane over square cells."""
  # Cells that extend beyond the edge repeat the last row or column.
  below, right = (-length % side for length in plane.shape)
  if below or right:
    plane = np.pad(plane, ((0, below), (0, right)), 'edge')
  height, width = (length // side for length in plane.shape)
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
