"""Gaussian filter over positions and colours at once, by a grid of cells.

Chen, Paris and Durand, Real-time Edge-aware Image Processing with the Bilateral
Grid, SIGGRAPH 2007; the colours lie on the lattice of Adams, Baek and Davis,
Fast High-Dimensional Filtering Using the Permutohedral Lattice, 2010. Values
are splatted onto the vertices around each pixel, blurred there, and sliced with
the weights of the splat. Along x and y the grid is dense, and blurred by a
matrix; of the colours, only vertices next to a colour of the image are stored.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import sparse

_VALUES = 2**26  # of the grid that are held at once, 256 MB


class BilateralGrid:
  """The matrix K of exp(-|f_i - f_j|²/2), times a map; nearly exact.

  f is (y, x) / sigma, (r, g, b) / colour_sigma. It holds about 64 bytes per
  pixel. Applying it takes 4 bytes per vertex and class, for as many classes at
  once as fit in 256 MB: (height · width · cells² / sigma²) · (vertices of the
  colours), which are some thousands for a photograph.

  Args:
    image: uint8 [H,W,3].
    sigma: of the positions, in pixels.
    colour_sigma: of the colours, in steps of 0 to 255.
    cells: per sigma, at least 1. The error is proportional to 1 / cells².
  """

  def __init__(
    self,
    image: np.ndarray,
    *,
    sigma: float,
    colour_sigma: float,
    cells: float,
  ):
    height, width = image.shape[:2]
    rows, self._blur_rows = _axis(height, sigma, cells)
    columns, self._blur_columns = _axis(width, sigma, cells)
    self._row_weights = rows - np.floor(rows)
    self._shape = len(self._blur_rows), len(self._blur_columns)
    lattice = _ColourLattice(image, colour_sigma, 1 / cells)
    self._colours, self._blur_colours = lattice.count, lattice.blurs
    # Pixels between the same two rows of the grid are a band.
    bands = np.searchsorted(rows, np.arange(self._shape[0]))
    self._bands = [
      (
        slice(first, last),
        _splat(columns, self._shape[1], lattice, first, last),
      )
      for first, last in itertools.pairwise(bands)
    ]

  def __call__(self, maps: np.ndarray) -> np.ndarray:
    """Filters float32 [H,W,C]."""
    height, width = self._shape
    classes = max(1, _VALUES // (height * width * self._colours))
    return np.concatenate(
      [
        self._filtered(maps[..., first : first + classes])
        for first in range(0, maps.shape[-1], classes)
      ],
      axis=-1,
    )

  def _filtered(self, maps: np.ndarray) -> np.ndarray:
    grid = self._blurred(self._splatted(maps))
    result = np.empty(maps.shape, np.float32)
    for index, (rows, splat) in enumerate(self._bands):
      # Both rows of the grid as channels of one.
      both = np.concatenate([grid[index], grid[index + 1]], axis=-1)
      upper, lower = np.split(
        (splat @ both).reshape(*maps[rows].shape[:2], both.shape[-1]),
        2,
        axis=-1,
      )
      weights = self._row_weights[rows, None, None]
      np.multiply(lower - upper, weights, out=result[rows])
      result[rows] += upper
    return result

  def _splatted(self, maps: np.ndarray) -> np.ndarray:
    """Returns the grid [rows, colours · columns, C]."""
    grid = np.zeros(
      (self._shape[0], self._colours * self._shape[1], maps.shape[-1]),
      np.float32,
    )
    for index, (rows, splat) in enumerate(self._bands):
      lower = maps[rows] * self._row_weights[rows, None, None]
      both = np.concatenate([maps[rows] - lower, lower], axis=-1)
      upper, lower = np.split(
        splat.T @ both.reshape(-1, both.shape[-1]), 2, axis=-1
      )
      grid[index] += upper
      grid[index + 1] += lower
    return grid

  def _blurred(self, grid: np.ndarray) -> np.ndarray:
    shape = grid.shape
    grid = self._blur_rows @ grid.reshape(shape[0], -1)
    for index, row in enumerate(grid):
      values = row.reshape(self._colours, -1)
      for blur in self._blur_colours:
        values = blur @ values
      grid[index] = (
        self._blur_columns @ values.reshape(self._colours, -1, shape[-1])
      ).ravel()
    return grid.reshape(shape)


class _ColourLattice:
  """The vertices around the colours of an image, and the blur among them.

  In the coordinates (colour + mean of its channels) / spacing, vertices are the
  whole numbers, and a colour lies in a simplex of four.

  Attributes:
    count: of the vertices.
    vertices: int32 [H,W,4], those around each pixel.
    weights: float32 [H,W,4].
    blurs: matrices to be applied one after the other.
  """

  def __init__(self, image: np.ndarray, sigma: float, spacing: float):
    # Of the blur along each of four directions, in steps; the rest of the
    # variance is that of splat and slice.
    variance = (1 - spacing**2 / 6) / spacing**2
    reach = round(3.5 * math.sqrt(variance))
    packed = image.astype(np.int32) @ np.array([1, 256, 65536], np.int32)
    packed, places = np.unique(packed, return_inverse=True)
    colours = np.stack([packed >> shift & 255 for shift in (0, 8, 16)], -1)
    positions = (colours + colours.mean(-1, keepdims=True)) / (sigma * spacing)
    lowest = np.floor(positions).astype(np.int64)
    fractions = positions - lowest
    # Two blurs on either side stay inside; then keys are unique.
    margin = 2 * reach + 1
    side = int(lowest.max()) + 2 + 2 * margin
    steps = np.array([side**2, side, 1])
    diagonal = int(steps.sum())
    largest, smallest = fractions.argmax(-1), fractions.argmin(-1)
    base = (lowest + margin) @ steps
    keys = np.stack(
      [
        base,
        base + steps[largest],
        base + diagonal - steps[smallest],
        base + diagonal,
      ],
      axis=-1,
    )
    ordered = np.sort(fractions, axis=-1)[:, ::-1]
    weights = -np.diff(ordered, axis=-1, prepend=1, append=0)
    occupied, vertices = np.unique(keys, return_inverse=True)
    self.count = len(occupied)
    self.vertices = vertices.reshape(-1, 4).astype(np.int32)[places]
    self.weights = weights.astype(np.float32)[places]
    offsets = np.arange(-reach, reach + 1)
    values = np.exp(-(offsets**2) / (2 * variance)).astype(np.float32)
    shifts = [offsets * step for step in (*steps, diagonal)]
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
    self.blurs = [
      _blur(source, target, shift, values)
      for (source, target), shift in zip(
        itertools.pairwise(way), shifts, strict=True
      )
    ]


def _axis(length: int, sigma: float, cells: float) -> tuple[np.ndarray, ...]:
  """Returns positions [length] in cells, and the blur of the axis' vertices."""
  positions = np.arange(length, dtype=np.float32) * np.float32(cells / sigma)
  vertices = np.arange(int(positions[-1]) + 2)
  distances = (vertices[:, None] - vertices[None, :]) / cells
  variance = 1 - 1 / (3 * cells**2)
  blur = np.exp(-(distances**2) / (2 * variance))
  return positions, blur.astype(np.float32)


def _splat(
  columns: np.ndarray,
  count: int,
  lattice: _ColourLattice,
  first: int,
  last: int,
) -> sparse.csr_array:
  """Returns weights [pixels of a band, colours · count] of x and colours."""
  left = np.floor(columns).astype(np.int32)
  right = columns - left
  vertices = lattice.vertices[first:last] * count + left[:, None]
  weights = lattice.weights[first:last]
  data = np.stack(
    [weights * (1 - right)[:, None], weights * right[:, None]], axis=-1
  )
  indices = np.stack([vertices, vertices + 1], axis=-1)
  pixels = vertices.shape[0] * vertices.shape[1]
  return sparse.csr_array(
    (
      data.ravel(),
      indices.ravel(),
      np.arange(0, 8 * pixels + 1, 8, dtype=np.int32),
    ),
    shape=(pixels, lattice.count * count),
  )


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
  wanted = target[:, None] + shifts
  places = np.minimum(np.searchsorted(source, wanted), len(source) - 1)
  rows, offsets = np.nonzero(source[places] == wanted)
  return sparse.csr_array(
    (values[offsets], (rows, places[rows, offsets])),
    shape=(len(target), len(source)),
  )
