"""Local linear models of a map in its guide: the core of the guided filter.

He, Sun and Tang, Guided Image Filtering, ECCV 2010 and TPAMI 2013. In each box
the map p is modelled as a · I + b of the guide I, by least squares with a
penalty of eps on a (equations 5, 6, and for colour 14, 15); each pixel takes
the mean of the models of all boxes that it lies in (equation 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from magnet_jax.filters.box import Box
from magnet_jax.types import Size

Planes = list[np.ndarray]


class Guided(Protocol):
  """A guide and the maps that are filtered by it, read in bands of rows."""

  @property
  def size(self) -> Size:
    """Returns (height, width)."""

  def guide(self, first: int, last: int) -> Planes:
    """Returns rows first … last - 1 of one or three float64 planes."""

  def plane(self, index: int, first: int, last: int) -> np.ndarray:
    """Returns rows first … last - 1 of a map as a float64 plane."""


class LinearModels:
  """Mean local models of the maps on a band of rows.

  Args:
    maps: with their guide.
    first: row of the band.
    last: row after the band.
    radius: of the boxes, in pixels.
    eps: penalty on a, in squared units of the guide, above 0.
  """

  def __init__(
    self, maps: Guided, first: int, last: int, *, radius: int, eps: float
  ):
    height = maps.size[0]
    # A mean of models needs those a radius away, which need as much again.
    outer = max(first - 2 * radius, 0), min(last + 2 * radius, height)
    inner = max(first - radius, 0), min(last + radius, height)
    self._maps, self._outer = maps, outer
    self._inside = slice(inner[0] - outer[0], inner[1] - outer[0])
    self._kept = slice(first - inner[0], last - inner[0])
    self._box = Box(radius, maps.size, outer)
    self._second_box = Box(radius, maps.size, inner)
    self._guide = maps.guide(*outer)
    self._less = [-self._mean(plane) for plane in self._guide]
    self._solver = _Solver(self._covariances(eps))

  def of(self, index: int) -> tuple[Planes, np.ndarray]:
    """Returns the mean models of a map.

    Returns:
      a, one float64 plane [rows,W] per plane of the guide, and b.
    """
    plane = self._maps.plane(index, *self._outer)
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
