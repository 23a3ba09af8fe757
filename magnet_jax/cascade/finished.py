"""A finished map, corrected by a refiner of its image, window by window.

A window reaches as far beyond the part that is kept as the refiner sees, so the
result is that of the whole image; at the image's own border, windows end there.
"""

from __future__ import annotations

from collections.abc import Iterator
import dataclasses
import math

import jax
import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import batches
from magnet_jax.filters.bands import Image, Read
from magnet_jax.ops import normalise
from magnet_jax.refiners.refiner import Refiner, Seen
from magnet_jax.types import Size

SIDE = 512  # of the part of a window that is kept, in pixels


def bands(
  refiner: Refiner, image: Image, read: Read, *, side: int = SIDE
) -> Iterator[np.ndarray]:
  """Corrects a map that is read in bands.

  Each device holds one window at a time, and the host two bands of windows.

  Args:
    refiner: needs nothing but `images`, and has a halo.
    image: uint8 [H,W,3].
    read: (first, last) -> rows first … last - 1 of the probabilities, float32
      [n,W,C].
    side: largest height and width of the part of a window that is kept.

  Yields:
    Bands of the result from top to bottom, float32 [n,W,C].

  Raises:
    ValueError: the refiner needs something else.
  """
  halo = _halo(refiner)
  rows, columns = (_cuts(length, side, halo) for length in image.shape[:2])
  held: dict[int, np.ndarray] = {}

  def arrays_of(number: int) -> batches.Arrays:
    row = number // len(columns)
    down, across = rows[row].seen, columns[number % len(columns)].seen
    if row not in held:
      held.clear()
      held[row] = read(down.start, down.stop)
    return {'images': image[down, across], 'coarse': held[row][:, across]}

  batch = parallel.device_count()
  numbers = range(len(rows) * len(columns))
  parts = [numbers[at : at + batch] for at in numbers[::batch]]
  step = parallel.over_devices(_correct, refiner)
  band: list[np.ndarray] = []
  for part in batches.run_parts(step, parts, arrays_of, batch):
    for number, found in part:
      row = rows[number // len(columns)]
      band.append(found[row.kept, columns[len(band)].kept])
      if len(band) == len(columns):
        yield np.concatenate(band, axis=1)
        band = []


def window(refiner: Refiner, size: Size, *, side: int = SIDE) -> Size:
  """Returns the size of the windows of an image."""
  whole = side + 2 * _halo(refiner)
  return min(size[0], whole), min(size[1], whole)


def _halo(refiner: Refiner) -> int:
  if refiner.needs - {'images'} or refiner.halo is None:
    raise ValueError(
      f'refiner with needs {sorted(refiner.needs)} and halo {refiner.halo}: '
      'to correct a finished map, it may need images only, and a halo'
    )
  return refiner.halo


@dataclasses.dataclass(frozen=True)
class _Cut:
  """A part of an axis.

  Attributes:
    seen: pixels of the window.
    kept: those of the window whose result is kept.
  """

  seen: slice
  kept: slice


def _cuts(length: int, side: int, halo: int) -> list[_Cut]:
  """Cuts an axis into windows of equal length, not all of them centred.

  At the ends they are moved inwards, where they reach farther than the halo.
  """
  size = min(length, side + 2 * halo)
  count = 1 if size == length else math.ceil(length / side)
  bounds = [i * length // count for i in range(count + 1)]
  starts = [min(max(0, b - halo), length - size) for b in bounds[:-1]]
  return [
    _Cut(slice(start, start + size), slice(low - start, high - start))
    for start, low, high in zip(starts, bounds[:-1], bounds[1:], strict=True)
  ]


def _correct(
  refiner: Refiner, *, images: jax.Array, coarse: jax.Array
) -> jax.Array:
  """Corrects windows: uint8 [B,h,w,3] and probabilities [B,h,w,C] to these."""
  pixels = normalise.normalise(images)
  return refiner.probabilities(Seen(coarse=coarse, images=pixels))
