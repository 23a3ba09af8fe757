"""Gaussian filter over positions and colours at once, by a grid of cells.

Chen, Paris and Durand, Real-time Edge-aware Image Processing with the Bilateral
Grid, SIGGRAPH 2007: values are splatted onto the vertices around each pixel,
blurred there, and sliced with the weights of the splat. Along x and y the grid
is dense; of the colours, only vertices near those of the image are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
import contextlib
import math
import operator
from typing import Any

import cv2
import numpy as np

from magnet_jax.filters import grid_bands
from magnet_jax.filters.colour_lattice import ColourLattice
from magnet_jax.filters.grid_bands import Band
from magnet_jax.filters.spline_axis import TAPS, SplineAxis

_VALUES = 2**26  # of the grid that are held at once, 256 MB
_PART = 2**20  # values that are blurred at once: 4 MB are in the cache
# Sigmas, for one cell per sigma. Vertices of cubic splines along x and y may be
# farther apart than those of the colours, whose weights are linear. Within a
# tile, places count as its centre.
_SPACING = 1.6
_TILE = 0.29
_LARGEST = 16  # pixels per side of a tile
_LEAST = 0.1  # of K 1, which is at least 1 for the exact kernel

_Map = Callable[..., Iterator[Any]]


class BilateralGrid:
  """weight · D^-1/2 K D^-1/2, times a map, for K = exp(-|f_i - f_j|²/2).

  f is (y, x) / sigma, (r, g, b) / colour_sigma, and D is K 1. It holds about 60
  bytes per pixel. Applying it takes 4 bytes per vertex and class, for as many
  classes at once as fit in 256 MB: height · width · (cells / 1.6 sigma)² times
  the vertices of the colours, of which a photograph has some thousands.
  OpenCV's threads divide the work.

  Args:
    image: uint8 [H,W,3].
    sigma: of the positions, in pixels.
    colour_sigma: of the colours, in steps of 0 to 255.
    cells: per sigma, at least 1.6. The error is proportional to 1 / cells².
    weight: of the kernel.
  """

  def __init__(
    self,
    image: np.ndarray,
    *,
    sigma: float,
    colour_sigma: float,
    cells: float,
    weight: float,
  ):
    side = int(np.clip(_TILE / cells**2 * sigma, 1, _LARGEST))
    rows, columns = (
      SplineAxis(length, side=side, sigma=sigma, spacing=_SPACING / cells)
      for length in image.shape[:2]
    )
    lattice = ColourLattice(image, colour_sigma, 1 / cells)
    self._row_blur, self._column_blur = rows.blur, columns.blur
    self._colour_blurs = lattice.blurs
    self._shape = rows.count, columns.count, lattice.spread.shape[1]

    def band(first: int) -> Band:
      return grid_bands.band(lattice, rows, columns, first)

    with _mapped() as mapped:
      self._bands = list(mapped(band, np.unique(rows.firsts)))
    self._spreads = [
      grid_bands.spread(
        lattice,
        [each for each in self._bands if 0 <= row - each.first < TAPS],
        columns.count,
      )
      for row in range(rows.count)
    ]
    self._grids = np.empty((2, 0), np.float32)
    ones = np.ones((*image.shape[:2], 1), np.float32)
    sums = np.empty_like(ones)
    self(ones, sums)
    scale = np.sqrt(np.float32(weight) / np.maximum(sums, _LEAST))
    for each in self._bands:
      for strip in each.strips:
        strip.scale(scale[strip.rows])

  def __call__(self, maps: np.ndarray, to: np.ndarray) -> None:
    """Filters float32 [H,W,C] to an array of that size."""
    classes = max(1, _VALUES // math.prod(self._shape))
    with _mapped() as mapped:
      for first in range(0, maps.shape[-1], classes):
        kept = ..., slice(first, first + classes)
        grid = self._splatted(maps[kept], mapped)
        self._slice(self._blurred(grid, mapped), to[kept], mapped)

  def _splatted(self, maps: np.ndarray, mapped: _Map) -> np.ndarray:
    """Returns the grid [rows, columns · colours, C]."""
    rows, columns, colours = self._shape
    count = maps.shape[-1]

    def splat(band: Band) -> np.ndarray:
      size = len(band.strips), len(band.occurring), count
      parts = np.empty(size, np.float32)
      for part, strip in zip(parts, band.strips, strict=True):
        values = strip.splat @ maps[strip.rows].reshape(-1, count)
        part[...] = strip.gather @ values
      values = band.weights.T @ parts.reshape(len(parts), -1)
      return values.reshape(TAPS, -1, count)

    sums = [
      np.zeros((spread.shape[0], count), np.float32) for spread in self._spreads
    ]
    for band, values in zip(
      self._bands, mapped(splat, self._bands), strict=True
    ):
      for tap, chosen in enumerate(band.chosen):
        sums[band.first + tap] += chosen @ values[tap]
    size = rows, columns * colours, count
    if self._grids.shape[1:] != size:
      # Kept, as fresh memory takes as long as a blur.
      self._grids = np.empty((2, *size), np.float32)
    grid = self._grids[0]

    def spread(row: int) -> None:
      grid[row] = self._spreads[row].T @ sums[row]

    _wait(mapped(spread, range(rows)))
    return grid

  def _slice(self, grid: np.ndarray, to: np.ndarray, mapped: _Map) -> None:
    """Fills in [H,W,C]."""
    rows = list(mapped(operator.matmul, self._spreads, grid))

    def fill(band: Band) -> None:
      size = TAPS, len(band.occurring), grid.shape[-1]
      values = np.empty(size, np.float32)
      for tap, places in enumerate(band.places):
        rows[band.first + tap].take(places, 0, values[tap], mode='clip')
      rowwise = values.reshape(TAPS, -1)
      # One strip at a time, which stays in the cache.
      for strip, weights in zip(band.strips, band.weights, strict=True):
        part = (weights @ rowwise).reshape(-1, grid.shape[-1])
        result = to[strip.rows]
        part = strip.pixels @ (strip.points @ part)
        result[...] = part.reshape(result.shape)

    _wait(mapped(fill, self._bands))

  def _blurred(self, grid: np.ndarray, mapped: _Map) -> np.ndarray:
    """Blurs rows and columns, then colours."""
    rows, columns, colours = self._shape
    shape = grid.shape
    other = self._grids[1]
    np.matmul(
      self._row_blur, grid.reshape(rows, -1), out=other.reshape(rows, -1)
    )
    by_column = rows, columns, -1
    np.matmul(
      self._column_blur, other.reshape(by_column), out=grid.reshape(by_column)
    )
    grid = grid.reshape(rows * columns, colours, -1)
    most = max(along.shape[0] for along in self._colour_blurs)
    width = max(1, _PART // (most * grid.shape[-1]))

    def blur(first: int) -> None:
      part = grid[first : first + width]
      values = part.transpose(1, 0, 2).reshape(colours, -1)
      for along in self._colour_blurs:
        values = along @ values
      part[...] = values.reshape(colours, len(part), -1).transpose(1, 0, 2)

    _wait(mapped(blur, range(0, len(grid), width)))
    return grid.reshape(shape)


def _wait(results: Iterable[None]) -> None:
  """Waits for all, and raises what one of them raised."""
  for _ in results:
    pass


@contextlib.contextmanager
def _mapped() -> Iterator[_Map]:
  """Gives a `map` that is done by as many threads as OpenCV has."""
  if cv2.getNumThreads() > 1:
    with futures.ThreadPoolExecutor(cv2.getNumThreads()) as pool:
      yield pool.map
  else:
    # A thread's memory is given back to the system and fetched anew: 1.3 times
    # the time.
    yield map
