"""Models of cells, enlarged to the pixels of an image and applied to them.

Strip by strip, in the same few planes: a large plane that is new is paged in
anew, which takes longer than what is computed in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from magnet_jax.filters import linear_models
from magnet_jax.filters.linear_models import Planes

_ROWS = 64  # of a strip


class CellModels:
  """Linear models of several maps.

  They are enlarged bilinearly, pixel centres aligned; beyond the outermost
  centres they stay as they are.

  Args:
    models: of each map, a for each channel of the guide and b, of cells; None
      for a map of zeros.
    side: pixels per side of a cell.
  """

  def __init__(
    self, models: Sequence[tuple[Planes, np.ndarray] | None], side: int
  ):
    self._models = [
      found and [plane.astype(np.float32) for plane in (*found[0], found[1])]
      for found in models
    ]
    self._side = side

  def shares(
    self, pixels: np.ndarray, rows: slice, columns: slice
  ) -> np.ndarray:
    """Returns a · I + b of each map, and one map more, which fills up to 1.

    Args:
      pixels: the guide, uint8 [n,m,G].
      rows: those of `pixels`, from the top of the first cell.
      columns: likewise.

    Returns:
      float32 [n,m,C], clipped at 0 and summing to 1.
    """
    count = len(self._models) + 1
    result = np.empty((*pixels.shape[:2], count), np.float32)
    planes = np.empty((count, _ROWS, pixels.shape[1]), np.float32)
    channels = np.empty((pixels.shape[2], *planes.shape[1:]), np.float32)
    for top in range(0, len(pixels), _ROWS):
      strip = slice(top, min(top + _ROWS, len(pixels)))
      height = strip.stop - top
      guide = channels[:, :height]
      np.copyto(guide, np.moveaxis(pixels[strip], -1, 0))
      here = slice(rows.start + top, rows.start + strip.stop)
      self._apply(guide, here, columns, planes[:, :height])
      _clip(planes[:, :height], result[strip])
    return result

  def _apply(
    self, guide: np.ndarray, rows: slice, columns: slice, planes: np.ndarray
  ) -> None:
    """Fills float32 [C,n,m] with all maps, of which nothing is clipped."""
    side = self._side
    # One cell more on either side, where there is one.
    starts = [max(0, axis.start // side - 1) for axis in (rows, columns)]
    stops = [-(-axis.stop // side) + 1 for axis in (rows, columns)]
    cells = tuple(map(slice, starts, stops))
    inside = tuple(
      slice(axis.start - start * side, axis.stop - start * side)
      for axis, start in zip((rows, columns), starts, strict=True)
    )
    large: np.ndarray | None = None

    def enlarged(model: np.ndarray) -> np.ndarray:
      nonlocal large
      part = model[cells]
      size = part.shape[1] * side, part.shape[0] * side
      large = cv2.resize(part, size, large, interpolation=cv2.INTER_LINEAR)
      return large[inside]

    rest = planes[-1]
    rest[:] = 1
    for plane, model in zip(planes[:-1], self._models, strict=True):
      if model is None:
        plane[:] = 0
        continue
      *slopes, b = model
      plane[:] = enlarged(b)
      # One at a time, as all are enlarged into the same plane.
      for slope, channel in zip(slopes, guide, strict=True):
        linear_models.add_product(plane, enlarged(slope), channel)
      np.subtract(rest, plane, out=rest)


def _clip(planes: np.ndarray, result: np.ndarray) -> None:
  """Clips float32 [C,n,m] at 0 and divides by its sums: [n,m,C]."""
  np.maximum(planes, 0, out=planes)
  total = planes[0].copy()
  for plane in planes[1:]:
    total += plane
  share = 1 / total  # at least 1, as what was clipped was negative
  for index, plane in enumerate(planes):
    np.multiply(plane, share, out=result[..., index])
