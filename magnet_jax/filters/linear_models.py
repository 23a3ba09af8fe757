"""Local linear models of a map in its guide: the core of the guided filter.

He, Sun and Tang, Guided Image Filtering, ECCV 2010 and TPAMI 2013. In each box
the map p is modelled as a · I + b of the guide I, by least squares with a
penalty of eps on a (equations 5, 6, and for colour 14, 15); each pixel takes
the mean of the models of all boxes that it lies in (equation 8).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from magnet_jax.filters.box import Box
from magnet_jax.types import Size

Planes = list[np.ndarray]
Rows = tuple[int, int]  # the first row, and the last plus one


def reach(rows: Rows, radius: int, height: int) -> Rows:
  """Returns the rows on which the models of a band depend.

  A mean of models needs those a radius away, which need pixels as far again.
  """
  return max(rows[0] - 2 * radius, 0), min(rows[1] + 2 * radius, height)


class LinearModels:
  """Mean local models on a band of rows, for any number of maps.

  Args:
    guide: its planes, one or three of float64 [n,W], on the band's `reach`.
    rows: of the band.
    size: (height, width) of the whole guide.
    radius: of the boxes, in pixels.
    eps: penalty on a, in squared units of the guide, above 0.
  """

  def __init__(
    self, guide: Planes, rows: Rows, size: Size, *, radius: int, eps: float
  ):
    outer = reach(rows, radius, size[0])
    inner = max(rows[0] - radius, 0), min(rows[1] + radius, size[0])
    self._inside = slice(inner[0] - outer[0], inner[1] - outer[0])
    self._kept = slice(rows[0] - inner[0], rows[1] - inner[0])
    self._box = Box(radius, size, outer)
    self._second_box = Box(radius, size, inner)
    self._guide = guide
    self._less = [-self._mean(plane) for plane in guide]
    self._solver = _Solver(self._covariances(eps))

  def of(self, plane: np.ndarray) -> tuple[Planes, np.ndarray]:
    """Returns the mean models of a map.

    Args:
      plane: float64 [n,W], on the band's `reach`.

    Returns:
      a, one float64 plane [rows,W] per plane of the guide, and b.
    """
    b = self._mean(plane)
    right = []
    for guide, less in zip(self._guide, self._less, strict=True):
      right.append(self._mean(guide * plane))
      add_product(right[-1], less, b)
    slopes = self._solver.solve(right)
    for slope, less in zip(slopes, self._less, strict=True):
      add_product(b, slope, less)
    a = [self._second_box(slope)[self._kept] for slope in slopes]
    return a, self._second_box(b)[self._kept]

  def _mean(self, plane: np.ndarray) -> np.ndarray:
    return self._box(plane)[self._inside]

  def _covariances(self, eps: float) -> list[Planes]:
    """Returns the lower triangle of the guide's covariances plus eps."""
    found = []
    for i, guide in enumerate(self._guide):
      found.append(
        [
          self._mean(guide * self._guide[j]) - self._less[i] * self._less[j]
          for j in range(i + 1)
        ]
      )
      found[i][i] += eps
    return found


def add_product(to: np.ndarray, one: np.ndarray, other: np.ndarray) -> None:
  """Adds the product of two planes to a third, in place, without a copy."""
  cv2.accumulateProduct(one, other, to)


class _Solver:
  """Solves a symmetric positive definite system of 1 or 3 at each pixel.

  By LDLᵀ, as the quotient of determinants is inexact where the channels of the
  guide are alike.

  Args:
    matrix: lower triangle, a plane per entry.
  """

  def __init__(self, matrix: Sequence[Planes]):
    self._less: list[Planes] = []  # -L, below its diagonal
    self._shares: Planes = []  # 1 / D
    for i, row in enumerate(matrix):
      scaled: Planes = []  # L D
      for j, entry in enumerate(row):
        rest = entry
        for k in range(j):
          less = self._less[j][k] if j < i else -scaled[k] * self._shares[k]
          rest = rest + scaled[k] * less
        scaled.append(rest)
      *off, pivot = scaled
      self._less.append(
        [-e * s for e, s in zip(off, self._shares, strict=True)]
      )
      self._shares.append(1 / pivot)

  def solve(self, right: Planes) -> Planes:
    """Solves for one right-hand side, a plane per row, which it overwrites."""
    count = len(right)
    for i in range(count):
      for j in range(i):
        add_product(right[i], self._less[i][j], right[j])
    for i in reversed(range(count)):
      right[i] *= self._shares[i]
      for j in range(i + 1, count):
        add_product(right[i], self._less[j][i], right[j])
    return right
