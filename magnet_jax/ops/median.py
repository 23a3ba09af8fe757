"""Exact two-dimensional median filters that run fast on CPUs and GPUs."""

from collections.abc import Callable
from typing import Any

import jax
from jax import lax
import jax.numpy as jnp

from magnet_jax.types import InputError

_LARGEST_NETWORK = 5  # of all neighbours; for larger kernels, by columns
_LARGEST_COLUMNS = 11  # sorted on CPUs; for larger kernels, by bits
_ROWS = 16  # of which all columns are sorted at a time, to stay in the cache


def _exchanges(count: int) -> list[tuple[int, int]]:
  """Returns compare-exchange pairs that sort `count` wires.

  Batcher's merge exchange: Knuth, The Art of Computer Programming 3,
  section 5.2.2, algorithm M.
  """
  pairs = []
  top = 1 << max((count - 1).bit_length() - 1, 0)
  step = top
  while step:
    limit, residue, distance = top, 0, step
    while distance:
      pairs += [
        (i, i + distance)
        for i in range(count - distance)
        if i & step == residue
      ]
      distance, limit, residue = limit - step, limit // 2, step
    step //= 2
  return pairs


def _sorted(arrays: list[jax.Array]) -> list[jax.Array]:
  """Sorts arrays by a network, element by element.

  The compiler drops the exchanges that no wire needs that is used.
  """
  wires = list(arrays)
  for a, b in _exchanges(len(wires)):
    low, high = jnp.minimum(wires[a], wires[b]), jnp.maximum(wires[a], wires[b])
    wires[a], wires[b] = low, high
  return wires


def _by_network(neighbours: list[jax.Array]) -> jax.Array:
  """Computes the median of an odd number of arrays."""
  return _sorted(neighbours)[len(neighbours) // 2]


def _in_the_middle(kernel: int) -> list[tuple[int, int]]:
  """Returns what may be the median of a table of sorted rows and columns.

  An entry is not below those before it in its row and column, and in theirs:
  with too many of them, or of those after it, it is no median. As many are left
  out on one side as on the other.
  """
  half = kernel * kernel // 2
  return [
    (i, j)
    for i in range(kernel)
    for j in range(kernel)
    if max((i + 1) * (j + 1), (kernel - i) * (kernel - j)) - 1 <= half
  ]


def _by_columns(padded: jax.Array, kernel: int) -> jax.Array:
  """Computes the median of a map's neighbourhoods, which share sorted columns.

  Then the columns' first, second, … elements are sorted, and the median is
  found among those that may be it (`experiments/forward/medians.py`).

  Args:
    padded: [h+kernel-1,w+kernel-1], h a multiple of _ROWS.
    kernel: odd side of the neighbourhoods.

  Returns:
    [h,w].
  """
  height, width = (length - kernel + 1 for length in padded.shape)
  places = _in_the_middle(kernel)

  def columns(rows: jax.Array) -> list[jax.Array]:
    return _sorted([rows[i : i + _ROWS] for i in range(kernel)])

  def table(ranks: list[jax.Array]) -> list[jax.Array]:
    rows = [
      _sorted([rank[:, j : j + width] for j in range(kernel)]) for rank in ranks
    ]
    return [rows[i][j] for i, j in places]

  def strip(top: jax.Array) -> jax.Array:
    rows = lax.dynamic_slice_in_dim(padded, top, _ROWS + kernel - 1)
    always = top >= 0  # but the compiler does not know
    ranks = _apart(always, columns, rows)
    return _apart(always, _by_network, _apart(always, table, ranks))

  found = lax.map(strip, jnp.arange(0, height, _ROWS))
  return found.reshape(height, width)


def _apart(always: jax.Array, function: Callable[..., Any], given: Any) -> Any:
  """Calls a function whose operations are not fused with those of others.

  Fused, each wire of a network would be computed anew for each of the next; a
  barrier of optimisation goes before XLA fuses on CPUs, a branch does not.
  """
  shapes = jax.eval_shape(function, given)

  def nothing(_: Any) -> Any:
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

  return lax.cond(always, function, nothing, given)


def _by_bits(neighbours: list[jax.Array]) -> jax.Array:
  """Computes the median of an odd number of non-negative arrays, bit by bit.

  The bits of non-negative floats sort like the floats. The median is the
  largest value with at most half of the neighbours below it; it is found from
  the highest bit to the lowest.
  """
  bits = [lax.bitcast_convert_type(n, jnp.int32) for n in neighbours]
  half = len(bits) // 2

  def settle(i: jax.Array, found: jax.Array) -> jax.Array:
    candidate = found | (1 << (30 - i))
    below = sum((b < candidate).astype(jnp.int32) for b in bits)
    return jnp.where(below <= half, candidate, found)

  start = jnp.zeros_like(bits[0])
  return lax.bitcast_convert_type(
    lax.fori_loop(0, 31, settle, start), jnp.float32
  )


def _mirrored(count: int, margin: int, valid: jax.Array) -> jax.Array:
  """Mirrors the indices of an axis: 1 0 | 0 1 2 … v-1 | v-1 v-2."""
  index = lax.iota(jnp.int32, count + 2 * margin) - margin
  index = index % (2 * valid)
  return jnp.where(index < valid, index, 2 * valid - 1 - index)


def median_filter(
  values: jax.Array, kernel: int, valid: jax.Array | None = None
) -> jax.Array:
  """Computes the exact median over `kernel` x `kernel` neighbours per pixel.

  The map is mirrored at its edges: padding with zeros would pull the medians
  there towards 0, so that hardly any points near window seams were chosen.

  Args:
    values: float32 [h,w], not negative.
    kernel: odd side of the neighbourhood; 1 returns `values`.
    valid: int32 [2], rows and columns that hold data (the rest is padding and
      ignored); all by default.

  Returns:
    float32 [h,w]; undefined in the padding.

  Raises:
    InputError: the kernel is even or below 1.
  """
  if kernel < 1 or kernel % 2 == 0:
    raise InputError(
      f'median kernel {kernel}: must be odd and positive; try 5 or 11'
    )
  if kernel == 1:
    return values
  height, width = values.shape
  if valid is None:
    valid = jnp.asarray((height, width), jnp.int32)
  margin = kernel // 2
  columns = _LARGEST_NETWORK < kernel <= _LARGEST_COLUMNS
  rows = -(-height // _ROWS) * _ROWS if columns else height
  padded = values[_mirrored(rows, margin, valid[0])]
  padded = padded[:, _mirrored(width, margin, valid[1])]

  def neighbours(padded: jax.Array) -> list[jax.Array]:
    return [
      padded[i : i + height, j : j + width]
      for i in range(kernel)
      for j in range(kernel)
    ]

  if kernel <= _LARGEST_NETWORK:
    return _by_network(neighbours(padded))
  if not columns:
    return _by_bits(neighbours(padded))
  # One pass of few steps suits accelerators; strips suit caches.
  found: jax.Array = lax.platform_dependent(
    padded,
    cpu=lambda padded: _by_columns(padded, kernel)[:height],
    default=lambda padded: _by_bits(neighbours(padded)),
  )
  return found
