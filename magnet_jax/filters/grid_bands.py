"""How the pixels of an image are tied to the vertices of a bilateral grid.

Most pixels of a tile share vertices of the colours. So values go from pixels to
points, which are the vertices of the colours that occur in a tile; from these
to places, which are a column of the grid and a vertex; and from these, for a
band of tiles at once, to rows of the grid and to fewer vertices.
"""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from magnet_jax.filters.colour_lattice import ColourLattice
from magnet_jax.filters.spline_axis import TAPS, SplineAxis

if TYPE_CHECKING:  # takes long to import
  from scipy import sparse


@dataclasses.dataclass(frozen=True)
class Strip:
  """A row of tiles.

  Attributes:
    rows: of the image.
    pixels: weights [pixels, points].
    points: weights [points, places], the places being those of the band.
    splat: the transposed weights of the pixels; they share memory.
    gather: the transposed weights of the points.
  """

  rows: slice
  pixels: sparse.csr_array
  points: sparse.csr_array
  splat: sparse.csc_array
  gather: sparse.csc_array

  def scale(self, by: np.ndarray) -> None:
    """Multiplies the weights of pixels by float32 [n,W,1]."""
    self.pixels.data.reshape(by.size, -1)[...] *= by.reshape(-1, 1)


@dataclasses.dataclass(frozen=True)
class Band:
  """Rows of tiles that lie between the same rows of the grid.

  Attributes:
    first: of the TAPS rows of the grid.
    strips: the rows of tiles.
    weights: float32 [strips, TAPS], of the rows of the grid.
    occurring: of the pairs of a column of the grid and a vertex of the colours,
      those that occur.
    places: of these, among those of each of the TAPS rows of the grid.
    chosen: for each of these rows, what adds values of the band to its places.
  """

  first: int
  strips: list[Strip]
  weights: np.ndarray
  occurring: np.ndarray
  places: list[np.ndarray]
  chosen: list[sparse.csc_array]


def band(
  lattice: ColourLattice, rows: SplineAxis, columns: SplineAxis, first: int
) -> Band:
  """Returns the band of tiles whose first row of the grid is given."""
  vertices = lattice.spread.shape[0]
  occurs = np.zeros((columns.count, vertices), bool)
  flat = occurs.reshape(-1)
  tiles = np.flatnonzero(rows.firsts == first)
  parts = []
  for tile in tiles:
    kept = rows.pixels(int(tile))
    pixels, columns_of, reached = _points(lattice, kept, columns)
    cells = columns.firsts[columns_of] * np.int32(vertices) + reached
    flat[cells] = True
    parts.append((kept, pixels, columns_of, cells))
  # Each reaches further columns.
  for column in range(columns.count - 1, 0, -1):
    occurs[column] |= occurs[max(column - TAPS + 1, 0) : column].any(0)
  occurring = np.flatnonzero(flat)
  places = np.cumsum(flat, dtype=np.int32) - 1
  steps = np.arange(TAPS, dtype=np.int32) * np.int32(vertices)
  strips = []
  for kept, pixels, columns_of, cells in parts:
    points = _rows_of(
      columns.weights.take(columns_of, 0),
      places.take(cells[:, None] + steps),
      len(occurring),
    )
    strips.append(Strip(kept, pixels, points, pixels.T, points.T))
  return Band(first, strips, rows.weights[tiles], occurring, [], [])


def spread(
  lattice: ColourLattice, bands: Sequence[Band], columns: int
) -> sparse.csr_array:
  """Returns weights [places, columns · coarse vertices] of a row of the grid.

  To each of the bands that reach the row, it adds their places in it; rows are
  to be asked for in their order.
  """
  from scipy import sparse

  vertices, coarse = lattice.spread.shape
  flat = np.zeros(columns * vertices, bool)
  for band in bands:
    flat[band.occurring] = True
  occurring = np.flatnonzero(flat)
  places = np.cumsum(flat, dtype=np.int32) - 1
  for band in bands:
    band.places.append(places[band.occurring])
    band.chosen.append(
      _rows_of(
        np.ones((len(band.occurring), 1), np.float32),
        band.places[-1][:, None],
        len(occurring),
      ).T
    )
  chosen = lattice.spread[occurring % vertices]
  shifts = np.repeat(occurring // vertices * coarse, np.diff(chosen.indptr))
  return sparse.csr_array(
    (chosen.data, (chosen.indices + shifts).astype(np.int32), chosen.indptr),
    shape=(len(occurring), columns * coarse),
  )


def _points(
  lattice: ColourLattice, rows: slice, columns: SplineAxis
) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
  """Returns weights [pixels, points], and each point's tile and vertex."""
  vertices, weights = lattice.around(rows)
  height, width, corners = vertices.shape
  across = columns.side * corners
  tiles = -(-width // columns.side)
  missing = tiles * columns.side - width
  padded = np.pad(vertices, ((0, 0), (0, missing), (0, 0)), 'edge')
  keys = padded.reshape(height, tiles, across).transpose(1, 0, 2)
  found, origins, starts = _sorted_with_origins(
    keys.reshape(tiles, -1), lattice.spread.shape[0]
  )
  # From the place in a tile to that in the row of tiles.
  row, place = np.divmod(np.arange(height * across), across)
  origins = (row * tiles * across + place).astype(np.int32)[origins]
  origins += np.arange(tiles, dtype=np.int32)[:, None] * across
  points = np.empty(padded.size, np.int32)
  points[origins.ravel()] = np.cumsum(starts, dtype=np.int32) - 1
  points = points.reshape(height, -1, corners)[:, :width]
  tiles_of = np.repeat(
    np.arange(tiles, dtype=np.int32), np.count_nonzero(starts, axis=1)
  )
  matrix = _rows_of(weights, points, len(tiles_of))
  return matrix, tiles_of, found[starts].astype(np.int32)


def _sorted_with_origins(
  values: np.ndarray, limit: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Sorts each row of values [m,n] below a limit.

  Returns:
    The sorted values, where in its row each was, and whether it is the first of
    its kind there.
  """
  # In one integer, as an argsort takes ten times as long.
  bits = (values.shape[1] - 1).bit_length()
  dtype: type[np.unsignedinteger] = (
    np.uint32 if limit << bits <= 2**32 else np.uint64
  )
  keys = values.astype(dtype) << dtype(bits)
  keys |= np.arange(values.shape[1], dtype=dtype)
  keys.sort(axis=-1)
  found = keys >> dtype(bits)
  starts = np.ones(keys.shape, bool)
  np.not_equal(found[:, 1:], found[:, :-1], out=starts[:, 1:])
  keys &= dtype((1 << bits) - 1)
  return found, keys, starts


def _rows_of(
  weights: np.ndarray, places: np.ndarray, count: int
) -> sparse.csr_array:
  """Returns the matrix whose rows have weights [...,n] at places [...,n]."""
  from scipy import sparse

  each = places.shape[-1]
  return sparse.csr_array(
    (
      weights.ravel(),
      places.ravel(),
      np.arange(0, places.size + 1, each, dtype=np.int32),
    ),
    shape=(places.size // each, count),
  )
