"""Aligned resizing: pixel centres at half integers on the host and the device.

Pixel i of an axis covers [i, i+1). A change of size by a factor r maps the
centre i + 0.5 to (i + 0.5) * r; every function here keeps to that, so that
maps of all stages lie on each other without a half-pixel shift.
"""

from collections.abc import Callable

import cv2
import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from magnet_jax.types import Size

_MOST_CHANNELS = 128  # of an array in OpenCV 5


def image(pixels: np.ndarray, size: Size) -> np.ndarray:
  """Resizes a uint8 image [H,W,3] on the host.

  Shrinking averages areas, so that what is smaller than a pixel of a coarse
  stage still tints it instead of being hit or missed; growing is bilinear.
  """
  height, width = pixels.shape[:2]
  if (height, width) == size:
    return pixels
  shrinks = size[0] <= height and size[1] <= width
  method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
  return np.asarray(
    cv2.resize(pixels, (size[1], size[0]), interpolation=method)
  )


def label(classes: np.ndarray, size: Size) -> np.ndarray:
  """Resizes a label map [H,W] on the host to the nearest pixel centres."""
  if classes.shape == size:
    return classes
  return np.asarray(
    cv2.resize(
      classes, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT
    )
  )


def probabilities(maps: np.ndarray, size: Size) -> np.ndarray:
  """Resizes float32 maps [H,W,C] bilinearly on the host; sums are kept."""
  if maps.shape[:2] == size:
    return maps.copy()
  resized = [
    cv2.resize(
      np.ascontiguousarray(maps[..., start : start + _MOST_CHANNELS]),
      (size[1], size[0]),
      interpolation=cv2.INTER_LINEAR,
    ).reshape(*size, -1)
    for start in range(0, maps.shape[-1], _MOST_CHANNELS)
  ]
  return resized[0] if len(resized) == 1 else np.concatenate(resized, axis=-1)


def samples(
  have: int, want: int, start: int, stop: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Where pixels start … stop-1 of an axis of `want` pixels lie on `have`.

  Returns:
    int [n], the lower neighbour; int [n], the upper one; float32 [n], the
    share of the upper one.
  """
  centres = (np.arange(start, stop) + 0.5) * (have / want) - 0.5
  centres = centres.clip(0, have - 1)
  low = np.floor(centres).astype(int)
  return low, np.minimum(low + 1, have - 1), (centres - low).astype(np.float32)


def interpolate(
  maps: np.ndarray,
  axis: int,
  low: np.ndarray,
  high: np.ndarray,
  share: np.ndarray,
) -> np.ndarray:
  """Mixes neighbours along an axis: (1 - share) maps[low] + share maps[high].

  Args:
    maps: float32 [h,w,C].
    axis: 0 or 1.
    low: int [n], as `high` and `share` by `samples`.
    high: int [n].
    share: float32 [n].

  Returns:
    float32, n along the axis.
  """
  lower = maps.take(low, axis)
  mixed = maps.take(high, axis)
  mixed -= lower
  if axis == 0:
    mixed *= share[:, None, None]
  else:  # along rows of floats: an axis of a few classes is slow to broadcast
    mixed *= np.repeat(share, maps.shape[-1]).reshape(len(share), -1)
  mixed += lower
  return mixed


def _axis(
  length: int, count: int, offset: jax.Array, ratio: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Lower index, upper index and fraction of `count` samples of an axis."""
  centres = (lax.iota(jnp.float32, count) + 0.5) * ratio + offset - 0.5
  centres = jnp.clip(centres, 0.0, length - 1)
  low = jnp.floor(centres).astype(jnp.int32)
  part = centres - low.astype(jnp.float32)
  return low, jnp.minimum(low + 1, length - 1), part


def sample(
  maps: jax.Array, *, offset: jax.Array, ratio: jax.Array, size: Size
) -> jax.Array:
  """Samples a rectangle of a map bilinearly, aligned, on the device.

  Args:
    maps: float32 [H,W,C].
    offset: float32 [2], (y, x) of the rectangle's corner in pixels of `maps`;
      what lies outside repeats the edge.
    ratio: float32 [2], pixels of `maps` per pixel of the result.
    size: (height, width) of the result.

  Returns:
    float32 [h,w,C]; each pixel is a mean of four, so sums to 1 are kept.
  """
  low, high, part = _axis(maps.shape[0], size[0], offset[0], ratio[0])
  part = part[:, None, None]
  rows = maps[low] * (1 - part) + maps[high] * part
  low, high, part = _axis(maps.shape[1], size[1], offset[1], ratio[1])
  part = part[None, :, None]
  return rows[:, low] * (1 - part) + rows[:, high] * part


def upsample(features: jax.Array, size: Size) -> jax.Array:
  """Resizes [B,H,W,C] bilinearly on the device (half-pixel centres)."""
  shape = (features.shape[0], *size, features.shape[-1])
  return jax.image.resize(features, shape, 'linear', antialias=False)


def _corner_weights(length: int, count: int) -> np.ndarray:
  """float32 [count, length]: weights that map an axis, corners on corners."""
  centres = np.linspace(0, length - 1, count) if count > 1 else np.zeros(1)
  low = np.minimum(centres.astype(int), length - 1)
  high = np.minimum(low + 1, length - 1)
  weights = np.zeros((count, length))
  rows = np.arange(count)
  weights[rows, low] += 1 - (centres - low)
  weights[rows, high] += centres - low
  return weights.astype(np.float32)


def upsample_corners(features: jax.Array, size: Size) -> jax.Array:
  """Resizes [B,H,W,C] bilinearly with the corner pixels on each other.

  Not aligned in this file's sense: it is what networks were trained with that
  say `align_corners=True`.
  """
  if features.shape[1:3] == size:
    return features
  return _weigh_axes(features, size, _corner_weights)


def _mean_weights(length: int, count: int) -> np.ndarray:
  """float32 [count, length]: means of `count` parts that cover an axis."""
  parts = np.arange(count)
  starts = parts * length // count
  ends = -(-(parts + 1) * length // count)
  places = np.arange(length)
  inside = (places >= starts[:, None]) & (places < ends[:, None])
  return (inside / (ends - starts)[:, None]).astype(np.float32)


def mean_pool(features: jax.Array, size: Size) -> jax.Array:
  """Means of [B,H,W,C] over `size` parts that cover the map.

  Where the parts do not divide a side, neighbours share a row or column.
  """
  return _weigh_axes(features, size, _mean_weights)


def _weigh_axes(
  features: jax.Array,
  size: Size,
  weights: Callable[[int, int], np.ndarray],
) -> jax.Array:
  """Maps rows and columns of [B,H,W,C] by two small matrices of weights."""
  _, height, width, _ = features.shape
  rows, columns = (
    jnp.asarray(weights(length, count), features.dtype)
    for length, count in ((height, size[0]), (width, size[1]))
  )
  exact = lax.Precision.HIGHEST
  x = jnp.einsum('qw,bhwc->bhqc', columns, features, precision=exact)
  return jnp.einsum('ph,bhqc->bpqc', rows, x, precision=exact)
