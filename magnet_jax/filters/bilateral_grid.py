"""Gaussian filter over positions and colours at once, by a grid of cells.

Chen, Paris and Durand, Real-time Edge-aware Image Processing with the Bilateral
Grid, SIGGRAPH 2007: values are splatted onto the vertices around each pixel,
blurred there, and sliced with the weights of the splat. Along x and y the grid
is dense; of the colours, only vertices near those of the image are stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent import futures
import dataclasses
import itertools
import math

import cv2
import numpy as np
from scipy import sparse

from magnet_jax.filters.colour_lattice import ColourLattice

_VALUES = 2**26  # of the grid that are held at once, 256 MB
_PART = 2**20  # values that are blurred at once: 4 MB are in the cache
_LEAST = 1e-4  # eigenvalue of an axis' blur that is kept, of the largest

_Pool = futures.ThreadPoolExecutor


class BilateralGrid:
  """The matrix K of exp(-|f_i - f_j|²/2), times a map; nearly exact.

  f is (y, x) / sigma, (r, g, b) / colour_sigma. It holds about 100 bytes per
  pixel. Applying it takes 4 bytes per vertex and class, for as many classes at
  once as fit in 256 MB: height · width · (cells / sigma)² times the vertices of
  the colours, of which a photograph has some thousands. OpenCV's threads divide
  the work.

  Args:
    image: uint8 [H,W,3].
    sigma: of the positions, in pixels.
    colour_sigma: of the colours, in steps of 0 to 255.
    cells: per sigma, at least 1.6. The error is proportional to 1 / cells².
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
    rows, self._row_blur = _axis(height, sigma, cells)
    columns, self._column_blur = _axis(width, sigma, cells)
    self._row_weights = (rows - np.floor(rows))[:, None, None]
    lattice = ColourLattice(image, colour_sigma, 1 / cells)
    self._colour_blurs = lattice.blurs
    self._shape = (
      len(self._row_blur),
      len(self._column_blur),
      lattice.spread.shape[1],
    )
    # Pixels between the same two rows of the grid are a band.
    bounds = np.searchsorted(rows, np.arange(self._shape[0]))
    self._bands = [
      _band(lattice, columns, self._shape[1], slice(first, last))
      for first, last in itertools.pairwise(bounds)
    ]

  def __call__(self, maps: np.ndarray) -> np.ndarray:
    """Filters float32 [H,W,C]."""
    classes = max(1, _VALUES // math.prod(self._shape))
    result = np.empty(maps.shape, np.float32)
    with futures.ThreadPoolExecutor(max(1, cv2.getNumThreads())) as pool:
      for first in range(0, maps.shape[-1], classes):
        kept = ..., slice(first, first + classes)
        grid = self._splatted(maps[kept], pool)
        self._slice(self._blurred(grid, pool), result[kept], pool)
    return result

  def _splatted(self, maps: np.ndarray, pool: _Pool) -> np.ndarray:
    """Returns the grid [rows, columns · colours, C]."""
    rows, columns, colours = self._shape
    grid = np.zeros((rows, columns * colours, maps.shape[-1]), np.float32)

    def splat(band: _Band) -> list[np.ndarray]:
      # For both rows of the grid at once, as channels.
      lower = maps[band.rows] * self._row_weights[band.rows]
      both = np.concatenate([maps[band.rows] - lower, lower], axis=-1)
      both = band.pixels.T @ both.reshape(-1, both.shape[-1])
      return [band.spread.T @ part for part in np.split(both, 2, axis=-1)]

    for index, parts in enumerate(pool.map(splat, self._bands)):
      grid[index] += parts[0]
      grid[index + 1] += parts[1]
    return grid

  def _slice(self, grid: np.ndarray, to: np.ndarray, pool: _Pool) -> None:
    def fill(band: _Band, above: np.ndarray, below: np.ndarray) -> None:
      result = to[band.rows]
      both = band.pixels @ np.concatenate(
        [band.spread @ above, band.spread @ below], axis=-1
      )
      both = both.reshape(*result.shape[:2], 2 * result.shape[-1])
      upper, lower = np.split(both, 2, axis=-1)
      np.multiply(lower - upper, self._row_weights[band.rows], out=result)
      result += upper

    _wait(pool.map(fill, self._bands, grid[:-1], grid[1:]))

  def _blurred(self, grid: np.ndarray, pool: _Pool) -> np.ndarray:
    """Blurs rows and columns, half before the colours and half after."""
    rows, columns, colours = self._shape
    shape = grid.shape
    grid = self._row_blur.T @ grid.reshape(rows, -1)
    grid = self._column_blur.T @ grid.reshape(len(grid), columns, -1)
    positions = grid.shape[:2]
    grid = grid.reshape(*positions, colours, -1).transpose(2, 0, 1, 3)
    by_colour = np.ascontiguousarray(grid).reshape(colours, -1)

    most = max(along.shape[0] for along in self._colour_blurs)
    width = max(1, _PART // most)

    def blur(first: int) -> None:
      part = by_colour[:, first : first + width]
      values = part
      for along in self._colour_blurs:
        values = along @ values
      part[...] = values

    _wait(pool.map(blur, range(0, by_colour.shape[1], width)))
    grid = by_colour.reshape(colours, *positions, -1).transpose(1, 2, 0, 3)
    grid = self._column_blur @ grid.reshape(*positions, -1)
    return (self._row_blur @ grid.reshape(positions[0], -1)).reshape(shape)


@dataclasses.dataclass(frozen=True)
class _Band:
  """Pixels that lie between the same two rows of the grid.

  Attributes:
    rows: of the image.
    pixels: weights [pixels, points], where the points are the pairs of a column
      of the grid and a vertex of the colours that occur.
    spread: weights [points, columns · coarse vertices of the colours].
  """

  rows: slice
  pixels: sparse.csr_array
  spread: sparse.csr_array


def _band(
  lattice: ColourLattice, columns: np.ndarray, count: int, rows: slice
) -> _Band:
  """Returns a band of the image, for columns [W] of its pixels in the grid."""
  vertices, coarse = lattice.spread.shape
  left = np.floor(columns).astype(np.int64)[:, None]
  right = (columns - left[:, 0])[:, None]
  weights = lattice.weights[rows]
  weights = np.stack([weights * (1 - right), weights * right], axis=-1)
  points = lattice.vertices[rows] + left * vertices
  points = np.stack([points, points + vertices], axis=-1)
  occurs = np.zeros(count * vertices, bool)
  occurs[points] = True
  (occurring,) = np.nonzero(occurs)
  places = np.cumsum(occurs, dtype=np.int32) - 1
  pixels = sparse.csr_array(
    (
      weights.ravel(),
      places[points].ravel(),
      np.arange(0, weights.size + 1, 8, dtype=np.int32),
    ),
    shape=(weights.size // 8, len(occurring)),
  )
  spread = lattice.spread[occurring % vertices]
  shifts = np.repeat(occurring // vertices * coarse, np.diff(spread.indptr))
  spread = sparse.csr_array(
    (spread.data, (spread.indices + shifts).astype(np.int32), spread.indptr),
    shape=(len(occurring), count * coarse),
  )
  return _Band(rows, pixels, spread)


def _wait(results: Iterable[None]) -> None:
  """Waits for all, and raises what one of them raised."""
  for _ in results:
    pass


def _axis(
  length: int, sigma: float, cells: float
) -> tuple[np.ndarray, np.ndarray]:
  """Returns positions [length] in cells, and F of the vertices' blur F Fᵀ."""
  positions = np.arange(length, dtype=np.float32) * np.float32(cells / sigma)
  vertices = np.arange(int(positions[-1]) + 2)
  distances = (vertices[:, None] - vertices[None, :]) / cells
  # Linear weights blur by cell² / 6 each.
  variance = 1 - 1 / (3 * cells**2)
  values, vectors = np.linalg.eigh(np.exp(-(distances**2) / (2 * variance)))
  kept = values > _LEAST * values[-1]
  half = vectors[:, kept] * np.sqrt(values[kept])
  return positions, half.astype(np.float32)
