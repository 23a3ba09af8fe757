"""Means over parts that cover a map, as PyTorch's adaptive average pooling.

If a side is not divisible, neighbouring parts share a row or column.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.ops import resize
from magnet_jax.types import Size

_MOST_SLICES = 16  # of a side that are added one by one


def part_means(pixels: np.ndarray, size: Size) -> np.ndarray:
  """Shrinks an image to the means of `size` parts, exactly, on the host.

  Sums are integers, and only a few rows of them are in memory.

  Args:
    pixels: integers or booleans [H,W] or [H,W,C].
    size: (height, width) of the result, from 1 to those of `pixels`.

  Returns:
    float32 [h,w] or [h,w,C].
  """
  (tops, bottoms), (lefts, rights) = (
    _parts(have, want)
    for have, want in zip(pixels.shape[:2], size, strict=True)
  )
  result = np.empty((*size, *pixels.shape[2:]), np.float32)
  below = np.zeros((pixels.shape[1] + 1, *pixels.shape[2:]), np.int64)
  widths = (rights - lefts).reshape(-1, *(1 for _ in pixels.shape[2:]))
  for row, (top, bottom) in enumerate(zip(tops, bottoms, strict=True)):
    total = pixels[top:bottom].sum(0, dtype=np.int64)
    np.cumsum(total, axis=0, out=below[1:])
    sums = below[rights] - below[lefts]
    result[row] = sums / (widths * (bottom - top))
  return result


# Jitted to have a name in what is traced: `export` writes it as few nodes.
@functools.partial(jax.jit, static_argnames='size')
def mean_pool(features: jax.Array, size: Size) -> jax.Array:
  """Averages [B,H,W,C] over `size` parts that cover the map, on the device."""
  _, height, width, _ = features.shape
  rows, columns = height // size[0], width // size[1]
  exact = (size[0] * rows, size[1] * columns) == (height, width)
  if exact and max(rows, columns) <= _MOST_SLICES:
    # On the CPU, faster than the products with matrices below.
    x = features.astype(jnp.float32)
    x = _sum([x[:, i::rows] for i in range(rows)])
    x = _sum([x[:, :, i::columns] for i in range(columns)])
    return (x / (rows * columns)).astype(features.dtype)
  return resize.weigh_axes(features, size, weights)


def shrunk(features: jax.Array, by: int) -> jax.Array:
  """Averages [B,H,W,C] over parts of about `by` pixels a side, rounded up.

  >>> shrunk(jnp.zeros((1, 7, 8, 1)), 2).shape
  (1, 4, 4, 1)
  """
  # The number once more, where `export` finds it in what is traced.
  return _shrunk(features, np.int32(by), by=by)


@functools.partial(jax.jit, static_argnames='by')
def _shrunk(features: jax.Array, shown: jax.Array, *, by: int) -> jax.Array:
  del shown
  height, width = (-(-side // by) for side in features.shape[1:3])
  found: jax.Array = mean_pool(features, (height, width))
  return found


def _sum(maps: list[jax.Array]) -> jax.Array:
  return functools.reduce(jnp.add, maps)


def weights(length: int, count: int) -> np.ndarray:
  """Returns weights of the means of `count` parts: float32 [count, length]."""
  starts, ends = (edges[:, None] for edges in _parts(length, count))
  places = np.arange(length)
  inside = (places >= starts) & (places < ends)
  return (inside / (ends - starts)).astype(np.float32)


def _parts(length: int, count: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns the first pixel of each part, and the one after its last."""
  parts = np.arange(count)
  return parts * length // count, -(-(parts + 1) * length // count)
