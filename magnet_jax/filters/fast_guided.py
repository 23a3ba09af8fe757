"""The fast guided filter of class probabilities.

He and Sun, Fast Guided Filter, 2015 (arXiv 1505.00996): the guided filter, with
models of a reduced image and a reduced map.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
import dataclasses

import cv2
import numpy as np

from magnet_jax.filters import bands, guided
from magnet_jax.filters.cell_models import CellModels
from magnet_jax.filters.guided import EPS, RADIUS
from magnet_jax.filters.linear_models import LinearModels
from magnet_jax.types import InputError, Size

SUBSAMPLING = 4  # of the paper
_ROWS, _COLUMNS = 256, 1024  # filtered at a time: its planes are in the cache

Box = tuple[slice, slice]  # rows and columns


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
  image: bands.Image,
  read: bands.Read,
  *,
  radius: int = RADIUS,
  eps: float = EPS,
  subsampling: int = SUBSAMPLING,
) -> Iterator[np.ndarray]:
  """Filters as `fast_guided` does, in bands as `guided.guided_bands` does."""
  local = FastGuided(radius, eps, subsampling)
  size = image.shape[0], image.shape[1]
  # As many rows as the models of a band reach beyond it, or more.
  count = max(_ROWS, radius)
  colour = guided.has_colour(image)
  with futures.ThreadPoolExecutor(max(1, cv2.getNumThreads())) as threads:
    for top in range(0, size[0], count):
      rows = slice(top, min(top + count, size[0]))
      seen, _ = local.reach((rows, slice(0, 1)), size)
      maps = read(seen.start, seen.stop)

      def piece(
        left: int,
        rows: slice = rows,
        first: int = seen.start,
        maps: np.ndarray = maps,
      ) -> np.ndarray:
        box = rows, slice(left, min(left + _COLUMNS, size[1]))
        down, across = local.reach(box, size)
        inner = maps[down.start - first : down.stop - first, across]
        return local(image[down, across], inner, box, size, colour=colour)

      pieces = threads.map(piece, range(0, size[1], _COLUMNS))
      yield np.concatenate(list(pieces), axis=1)


@dataclasses.dataclass(frozen=True)
class FastGuided:
  """The filter of a part of an image, equal to that of the whole.

  Attributes:
    radius: as for `fast_guided`.
    eps: as for `fast_guided`.
    subsampling: as for `fast_guided`.

  Raises:
    InputError: a setting is out of range.
  """

  radius: int
  eps: float
  subsampling: int

  def __post_init__(self) -> None:
    guided.check(self.radius, self.eps)
    if self.subsampling < 1:
      raise InputError(
        f'subsampling {self.subsampling}: must be at least 1, which is the '
        f'whole image; {SUBSAMPLING} is the default'
      )

  @property
  def _cells(self) -> int:
    """Radius of the boxes in cells."""
    return max(1, round(self.radius / self.subsampling))

  def reach(self, box: Box, size: Size) -> Box:
    """Returns the part of an image on which the result of a box depends.

    It begins with a whole cell.

    Args:
      box: of the image.
      size: (height, width) of the image.
    """
    side = self.subsampling
    # A mean of models needs those a radius away, which need cells as far again;
    # enlarging needs one more on either side.
    halo = (2 * self._cells + 1) * side
    down, across = (
      slice(
        max(0, (axis.start - halo) // side * side),
        min(length, -(-(axis.stop + halo) // side) * side),
      )
      for axis, length in zip(box, size, strict=True)
    )
    return down, across

  def __call__(
    self,
    image: np.ndarray,
    maps: np.ndarray,
    box: Box,
    size: Size,
    *,
    colour: bool = True,
  ) -> np.ndarray:
    """Filters a box of an image.

    Args:
      image: uint8 [h,w,3], the reach of the box.
      maps: float32 [h,w,C], summing to 1, likewise.
      box: of the whole image.
      size: (height, width) of the whole image.
      colour: whether all channels are the guide, or one that all are equal to.

    Returns:
      float32 [n,m,C] of the box, clipped at 0 and summing to 1.
    """
    whole = self.reach(box, size)
    rows, columns = (
      slice(axis.start - seen.start, axis.stop - seen.start)
      for axis, seen in zip(box, whole, strict=True)
    )
    side = self.subsampling
    small = _reduced(image[..., : 3 if colour else 1], side)
    cells = small.shape[0], small.shape[1]
    models = LinearModels(
      [*np.moveaxis(small.astype(np.float64), -1, 0).copy()],
      (0, cells[0]),
      cells,
      radius=self._cells,
      eps=guided.in_levels(self.eps),
    )
    # The filter is linear and leaves a constant as it is, so it keeps sums of
    # 1: the last class is what the others leave.
    others = np.moveaxis(_reduced(maps, side), -1, 0)[:-1]
    found = [
      models.of(plane.astype(np.float64)) if plane.any() else None
      for plane in others
    ]
    pixels = image[rows, columns, : small.shape[-1]]
    return CellModels(found, side).shares(pixels, rows, columns)


def _reduced(values: np.ndarray, side: int) -> np.ndarray:
  """Averages [h,w,C] over square cells: float32 [h/side,w/side,C]."""
  # Cells that extend beyond the edge repeat the last row or column.
  below, right = (-length % side for length in values.shape[:2])
  if below or right:
    values = np.pad(values, ((0, below), (0, right), (0, 0)), 'edge')
  height, width = (length // side for length in values.shape[:2])
  values = values.astype(np.float32, copy=False)
  found = cv2.resize(
    np.ascontiguousarray(values), (width, height), interpolation=cv2.INTER_AREA
  )
  return np.asarray(found).reshape(height, width, -1)
