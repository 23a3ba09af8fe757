"""Exact two-dimensional median filters that run fast on CPUs and GPUs."""

import jax
from jax import lax
import jax.numpy as jnp

from magnet_jax.types import InputError

_LARGEST_NETWORK = 5  # for larger kernels, bits are faster than exchanges


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


def _by_network(neighbours: list[jax.Array]) -> jax.Array:
  """Computes the median of an odd number of arrays by a sorting network.

  The compiler drops the exchanges that the middle wire does not need.
  """
  wires = list(neighbours)
  for a, b in _exchanges(len(wires)):
    low, high = jnp.minimum(wires[a], wires[b]), jnp.maximum(wires[a], wires[b])
    wires[a], wires[b] = low, high
  return wires[len(wires) // 2]


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
  padded = values[_mirrored(height, margin, valid[0])]
  padded = padded[:, _mirrored(width, margin, valid[1])]
  neighbours = [
    padded[i : i + height, j : j + width]
    for i in range(kernel)
    for j in range(kernel)
  ]
  if kernel <= _LARGEST_NETWORK:
    return _by_network(neighbours)
  return _by_bits(neighbours)
