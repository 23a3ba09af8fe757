"""Means over square boxes, in graphs; at a border they hold only what is there.

Sums are of neighbours, not differences of running sums: these lose too many
digits of float32. They take log(radius) additions per axis.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np


def box_means(maps: jax.Array, radius: int) -> jax.Array:
  """Averages over boxes of 2 radius + 1 pixels per side: float32 [B,h,w,C].

  Args:
    maps: float32 [B,h,w,C].
    radius: of the boxes, in pixels, at least 0.

  >>> box_means(jnp.array([[[[0.0], [3.0], [6.0]]]]), 1)[0, 0, :, 0]
  Array([1.5, 3. , 4.5], dtype=float32)
  """
  # The radius once more, as a number that `export` finds in what is traced.
  return _box_means(maps, np.int32(radius), radius=radius)


@functools.partial(jax.jit, static_argnames='radius')
def _box_means(maps: jax.Array, shown: jax.Array, *, radius: int) -> jax.Array:
  del shown
  height, width = maps.shape[1:3]
  counts = np.outer(_counts(height, radius), _counts(width, radius))
  share = jnp.asarray(1 / counts, jnp.float32)[None, :, :, None]
  return _sums(_sums(maps, radius, 1), radius, 2) * share


def _sums(maps: jax.Array, radius: int, axis: int) -> jax.Array:
  """Sums of the 2 radius + 1 neighbours along an axis; 0 beyond the border."""
  length = maps.shape[axis]
  pads = [(0, 0)] * maps.ndim
  pads[axis] = (radius, radius)
  part, taken, size = jnp.pad(maps, pads), 0, 1
  total = jnp.zeros_like(maps)
  rest = 2 * radius + 1
  while rest:
    # `part` has the sums of `size` neighbours from each place on.
    if rest % 2:
      total += _slice(part, taken, length, axis)
      taken += size
    rest //= 2
    if rest:
      left = part.shape[axis] - size
      part = _slice(part, 0, left, axis) + _slice(part, size, left, axis)
      size *= 2
  return total


def _slice(maps: jax.Array, start: int, length: int, axis: int) -> jax.Array:
  return jax.lax.slice_in_dim(maps, start, start + length, axis=axis)


def _counts(length: int, radius: int) -> np.ndarray:
  """Returns how many places lie in the box of each: int [length]."""
  places = np.arange(length)
  return np.minimum(places + radius + 1, length) - np.maximum(
    places - radius, 0
  )
