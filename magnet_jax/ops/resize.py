"""Aligned resizing: pixel centres at half integers, on host and device.

Pixel i of an axis covers [i, i+1). Resizing by a factor r maps the centre
i + 0.5 to (i + 0.5) * r. Every function here follows this rule, so that maps of
all stages are aligned without a half-pixel shift.
"""

from collections.abc import Callable, Sequence
import functools

import cv2
import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from magnet_jax.ops import apart, interpolation
from magnet_jax.ops.interpolation import Samples
from magnet_jax.types import Size

_MOST_CHANNELS = 128  # limit of OpenCV 5


def image(pixels: np.ndarray, size: Size) -> np.ndarray:
  """Resizes a uint8 image [H,W,3] on the host.

  Shrinking averages areas, so that details smaller than a pixel of a coarse
  stage still contribute to it; enlarging is bilinear.
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
  """Resizes a label map [H,W] on the host by nearest pixel centres."""
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
    np.asarray(
      cv2.resize(
        np.ascontiguousarray(maps[..., start : start + _MOST_CHANNELS]),
        (size[1], size[0]),
        interpolation=cv2.INTER_LINEAR,
      )
    )
    for start in range(0, maps.shape[-1], _MOST_CHANNELS)
  ]
  # OpenCV drops an axis of length 1. A `reshape` of all would be a view, which
  # owns no memory, so that callers would copy it.
  resized = [each[..., None] if each.ndim == 2 else each for each in resized]
  return resized[0] if len(resized) == 1 else np.concatenate(resized, axis=-1)


def _axis(
  length: int, count: int, offset: jax.Array, ratio: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Returns lower index, upper index and fraction of an axis' samples."""
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
      outside, the edge is repeated.
    ratio: float32 [2], pixels of `maps` per pixel of the result.
    size: (height, width) of the result.

  Returns:
    float32 [h,w,C]; each pixel is a weighted mean of four, which keeps sums
    of 1.
  """
  low, high, part = _axis(maps.shape[0], size[0], offset[0], ratio[0])
  part = part[:, None, None]
  rows = maps[low] * (1 - part) + maps[high] * part
  low, high, part = _axis(maps.shape[1], size[1], offset[1], ratio[1])
  part = part[None, :, None]
  return rows[:, low] * (1 - part) + rows[:, high] * part


# Jitted, as are the next two, to have a name that `export` finds in the trace.
@functools.partial(jax.jit, static_argnames='size')
def upsample(features: jax.Array, size: Size) -> jax.Array:
  """Resizes [B,H,W,C] bilinearly on the device (half-pixel centres)."""
  return _bilinear(features, size, _centred)


@functools.partial(jax.jit, static_argnames='size')
def upsample_corners(features: jax.Array, size: Size) -> jax.Array:
  """Resizes [B,H,W,C] bilinearly with aligned corner pixels.

  Not aligned in the sense of this file: for networks that were trained with
  `align_corners=True`.
  """
  return _bilinear(features, size, _cornered)


@functools.partial(jax.jit, static_argnames='size')
def repeated(features: jax.Array, size: Size) -> jax.Array:
  """Enlarges [B,H,W,C] by repeating pixels; what is too much is cut off.

  >>> repeated(jnp.array([[[[1], [2]]]]), (1, 3)).ravel().tolist()
  [1, 1, 2]
  """
  for axis, wanted in enumerate(size, start=1):
    times = -(-wanted // features.shape[axis])
    if times > 1:
      features = jnp.repeat(features, times, axis)
    features = lax.slice_in_dim(features, 0, wanted, axis=axis)
  return features


def _centred(have: int, want: int) -> Samples:
  return interpolation.samples(have, want, 0, want)


def _cornered(have: int, want: int) -> Samples:
  """Samples of an axis whose first and last pixels stay in place."""
  centres = np.linspace(0, have - 1, want) if want > 1 else np.zeros(1)
  low = np.minimum(centres.astype(int), have - 1)
  share = (centres - low).astype(np.float32)
  return low, np.minimum(low + 1, have - 1), share


def _bilinear(
  features: jax.Array,
  size: Size,
  rule: Callable[[int, int], Samples],
) -> jax.Array:
  if features.shape[1:3] == size:
    return features
  if jax.default_backend() == 'cpu':
    return apart.apart(lambda x: taken(x, size, rule))(features)
  return weigh_axes(features, size, functools.partial(_matrix, rule))


def _matrix(
  rule: Callable[[int, int], Samples], have: int, want: int
) -> np.ndarray:
  """Returns samples of an axis as weights: float32 [want, have]."""
  low, high, share = rule(have, want)
  weights = np.zeros((want, have), np.float32)
  rows = np.arange(want)
  weights[rows, low] += 1 - share
  weights[rows, high] += share
  return weights


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def taken(
  features: jax.Array,
  size: Size,
  rule: Callable[[int, int], Samples] = _centred,
) -> jax.Array:
  """Resizes by sums of pairs of pixels, for the CPU.

  Products with matrices, of which most entries are zero, take longer there.

  Args:
    features: [B,H,W,C].
    size: (height, width) of the result.
    rule: returns the samples of an axis, given both numbers of pixels.
  """
  x = features
  for axis, want in enumerate(size, start=1):
    low, high, share = rule(x.shape[axis], want)
    x = _weighted(x, axis, [(low, 1 - share), (high, share)])
  return x


def _taken_forward(
  features: jax.Array,
  size: Size,
  rule: Callable[[int, int], Samples],
) -> tuple[jax.Array, jax.Array]:
  return taken(features, size, rule), features


def _taken_backward(
  size: Size,
  rule: Callable[[int, int], Samples],
  features: jax.Array,
  gradient: jax.Array,
) -> tuple[jax.Array]:
  # Each pixel collects from those that it was given to. The gradient that JAX
  # would derive adds pixel by pixel, many times slower.
  for axis, want in enumerate(size, start=1):
    given = _matrix(rule, features.shape[axis], want).T
    most = int((given > 0).sum(1).max())
    order = np.argsort(given == 0, axis=1, kind='stable')[:, :most]
    weights = np.take_along_axis(given, order, 1)
    taps = zip(order.T, weights.T, strict=True)
    gradient = _weighted(gradient, axis, [*taps])
  return (gradient,)


taken.defvjp(_taken_forward, _taken_backward)


def _weighted(
  x: jax.Array, axis: int, taps: Sequence[tuple[np.ndarray, np.ndarray]]
) -> jax.Array:
  """Sums x[places] * weights along an axis, over pairs of both."""
  shape = [1] * x.ndim
  shape[axis] = -1
  parts = [
    jnp.take(x, places, axis) * weights.astype(x.dtype).reshape(shape)
    for places, weights in taps
  ]
  return functools.reduce(jnp.add, parts)


def weigh_axes(
  features: jax.Array,
  size: Size,
  weights: Callable[[int, int], np.ndarray],
) -> jax.Array:
  """Multiplies rows and columns of [B,H,W,C] by two weight matrices."""
  _, height, width, _ = features.shape
  rows, columns = (
    jnp.asarray(weights(length, count), features.dtype)
    for length, count in ((height, size[0]), (width, size[1]))
  )
  exact = lax.Precision.HIGHEST
  x = jnp.einsum('qw,bhwc->bhqc', columns, features, precision=exact)
  return jnp.einsum('ph,bhqc->bpqc', rows, x, precision=exact)
