"""Gaussian filter over colours, on a lattice around those of an image.

In the coordinates (colour + mean of its channels) / spacing, vertices are the
whole numbers, and each colour lies in a simplex of four: the body-centred cubic
lattice, for three channels what the permutohedral lattice of Adams, Baek and
Davis (Fast High-Dimensional Filtering, 2010) is. The three axes and their
diagonal are alike there, so a blur along each is a blur in all directions.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:  # takes long to import
  from scipy import sparse

_COLOURS = 2**24  # of three bytes
_REACH = 3.5  # standard deviations of a blur
_NARROW = 0.45  # variance of a blur of three samples


class ColourLattice:
  """The vertices next to colours, and a blur on every second of them per axis.

  Linear weights need a spacing that is far below the width of the kernel, a
  blurred map does not.

  Args:
    image: uint8 [H,W,3].
    sigma: of the kernel, in steps of 0 to 255.
    spacing: of the vertices, in sigmas; at most 0.63.

  Attributes:
    spread: weights [vertices, coarse vertices], by which both are connected.
    blurs: matrices of coarse vertices, to be applied one after the other.
  """

  def __init__(self, image: np.ndarray, sigma: float, spacing: float):
    # OpenCV's fourth channel, which completes an integer, is 255.
    packed = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA).view('<u4')[..., 0]
    self._packed = packed & np.uint32(_COLOURS - 1)
    occurs = np.zeros(_COLOURS, bool)
    occurs[self._packed] = True
    occurring = np.flatnonzero(occurs)
    self._places = np.empty(_COLOURS, np.int32)
    self._places[occurring] = np.arange(len(occurring))
    colours = np.stack([occurring >> shift & 255 for shift in (0, 8, 16)], -1)
    positions = (colours + colours.mean(-1, keepdims=True)) / (sigma * spacing)
    vertices, weights = _simplices(positions)
    vertices, places = _distinct(vertices.reshape(-1, 3))
    self._vertices = places.reshape(-1, 4).astype(np.int32)
    self._weights = weights.astype(np.float32)
    coarse, self.spread = _spread(vertices)
    # Splat and slice blur by spacing² / 12 each, both spreads by spacing² / 2.
    variance = (1 - spacing**2 * 7 / 6) / (2 * spacing) ** 2
    self.blurs = _blurs(coarse, variance)

  def around(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """Returns the vertices int32 [n,W,4] around pixels, and their weights."""
    places = self._places[self._packed[rows]]
    return self._vertices.take(places, 0), self._weights.take(places, 0)


def _simplices(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Returns the vertices int [n,4,3] around positions, and linear weights."""
  lowest = np.floor(positions)
  fractions = positions - lowest
  # From the lowest corner of the cube to the highest, along the longest axes
  # first.
  order = np.argsort(-fractions, axis=-1)
  steps = np.eye(3, dtype=np.int64)[order].cumsum(1)
  vertices = lowest.astype(np.int64)[:, None] + np.pad(
    steps, ((0, 0), (1, 0), (0, 0))
  )
  ordered = np.take_along_axis(fractions, order, axis=-1)
  return vertices, -np.diff(ordered, axis=-1, prepend=1, append=0)


def _distinct(vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Returns the distinct vertices [m,3] of [n,3], and where each is [n]."""
  side = int(vertices.max()) + 1
  keys, places = np.unique(
    vertices @ np.array([side**2, side, 1]), return_inverse=True
  )
  return np.stack(
    [keys // side**2, keys // side % side, keys % side], -1
  ), places


def _spread(vertices: np.ndarray) -> tuple[np.ndarray, sparse.csr_array]:
  """Returns the coarse vertices [m,3] next to vertices [n,3], and weights.

  The weights are those of the quintic box spline, whose error is of the fourth
  order in the spacing: 1/4, 1/2, 1/4 along all four directions.
  """
  from scipy import sparse

  stencil: dict[tuple[int, ...], float] = {}
  for *axes, diagonal in itertools.product((-1, 0, 1), repeat=4):
    offset = tuple(axis + diagonal for axis in axes)
    share = math.prod(2 - abs(way) for way in (*axes, diagonal)) / 32
    stencil[offset] = stencil.get(offset, 0) + share
  rows, targets, weights = [], [], []
  for offset, share in stencil.items():
    moved = vertices + np.array(offset)
    (even,) = np.nonzero((moved % 2 == 0).all(-1))
    rows.append(even)
    targets.append(moved[even] // 2 + 1)  # at least 0
    weights.append(np.full(len(even), share, np.float32))
  coarse, columns = _distinct(np.concatenate(targets))
  return coarse, sparse.csr_array(
    (np.concatenate(weights), (np.concatenate(rows), columns)),
    shape=(len(vertices), len(coarse)),
  )


def _blurs(vertices: np.ndarray, variance: float) -> list[sparse.csr_array]:
  """Returns the blurs along all directions, among vertices [n,3]."""
  offsets, values = _gaussian(variance)
  reach = offsets[-1]
  # Two blurs on either side stay inside; then keys are distinct.
  margin = 2 * reach
  side = int(vertices.max()) + 1 + 2 * margin
  steps = np.array([side**2, side, 1])
  shifts = [offsets * step for step in (*steps, steps.sum())]
  occupied = np.sort((vertices + margin) @ steps)
  # On their way from vertex to vertex, values pass through empty ones.
  middle = np.intersect1d(
    _reached(_reached(occupied, shifts[0]), shifts[1]),
    _reached(_reached(occupied, shifts[3]), shifts[2]),
  )
  before = np.intersect1d(
    _reached(occupied, shifts[0]), _reached(middle, shifts[1])
  )
  after = np.intersect1d(
    _reached(middle, shifts[2]), _reached(occupied, shifts[3])
  )
  way = [occupied, before, middle, after, occupied]
  return [
    _blur(source, target, shift, values)
    for (source, target), shift in zip(
      itertools.pairwise(way), shifts, strict=True
    )
  ]


def _gaussian(variance: float) -> tuple[np.ndarray, np.ndarray]:
  """Returns offsets, and the weights of these that have a variance."""
  if variance < _NARROW:
    # Samples of so narrow a Gaussian would have another variance.
    side = variance / (2 - 2 * variance)
    return np.arange(-1, 2), np.array([side, 1, side], np.float32)
  reach = math.ceil(_REACH * math.sqrt(variance)) - 1
  offsets = np.arange(-reach, reach + 1)
  return offsets, np.exp(-(offsets**2) / (2 * variance)).astype(np.float32)


def _reached(keys: np.ndarray, shifts: np.ndarray) -> np.ndarray:
  """Returns the sorted keys that a blur spreads values to."""
  return np.unique(keys[:, None] + shifts)


def _blur(
  source: np.ndarray,
  target: np.ndarray,
  shifts: np.ndarray,
  values: np.ndarray,
) -> sparse.csr_array:
  """Returns the blur along a direction, from keys to keys, both sorted."""
  from scipy import sparse

  wanted = target[:, None] + shifts
  places = np.minimum(np.searchsorted(source, wanted), len(source) - 1)
  rows, offsets = np.nonzero(source[places] == wanted)
  return sparse.csr_array(
    (values[offsets], (rows, places[rows, offsets])),
    shape=(len(target), len(source)),
  )
