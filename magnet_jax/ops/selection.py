"""Where the refined map replaces the coarse one: score and choice."""

from collections.abc import Callable
import math

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from magnet_jax.ops import median
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.types import InputError

# (coarse=, refined=, kernel=, valid=) -> float32 [h,w], as `score`.
Score = Callable[..., jax.Array]


def score(
  *,
  coarse: jax.Array,
  refined: jax.Array,
  kernel: int,
  valid: jax.Array | None = None,
) -> jax.Array:
  """Computes Q = F(Y^u * (1 - R^u)), high where Y is unsure and R is sure.

  Args:
    coarse: Y, float32 [h,w,C], probabilities.
    refined: R, float32 [h,w,C], probabilities.
    kernel: odd side of the median filter F.
    valid: int32 [2], rows and columns that are not padding; all by default.

  Returns:
    float32 [h,w] in [0, 1]; -1 in the padding, so that it is chosen last.
  """
  # Rounding can leave 1 - (a - b) slightly outside [0, 1], and the bitwise
  # median does not handle signs.
  raw = jnp.clip(uncertainty(coarse) * (1 - uncertainty(refined)), 0.0, 1.0)
  scores = median.median_filter(raw, kernel, valid)
  if valid is None:
    return scores
  inside = (lax.iota(jnp.int32, raw.shape[0]) < valid[0])[:, None] & (
    lax.iota(jnp.int32, raw.shape[1]) < valid[1]
  )[None, :]
  return jnp.where(inside, scores, -1.0)


def count_points(points: float, pixels: int) -> int:
  """Returns K for a number of pixels, given a fraction (float) or count (int).

  Args:
    points: float in [0, 1], or int >= 0; a count above `pixels` means all.
    pixels: how many pixels are considered.

  Raises:
    InputError: `points` is out of range.
  """
  if isinstance(points, bool) or not 0 <= points < math.inf:
    raise InputError(
      f'points {points}: must be a count >= 0 or a fraction in [0, 1]; try 0.75'
    )
  if isinstance(points, int):
    return min(points, pixels)
  if points > 1:
    raise InputError(
      f'points {points}: a fraction must lie in [0, 1]; write a count of '
      f'points as an integer, {math.ceil(points)}'
    )
  return math.ceil(points * pixels)


def choose(scores: jax.Array, points: jax.Array, most: int) -> jax.Array:
  """Marks the points of the highest scores, by `jax.lax.top_k`.

  Args:
    scores: float32 [h,w].
    points: int32 scalar, how many to mark.
    most: static upper bound of `points`.

  Returns:
    bool [h,w], with exactly min(points, most) True.
  """
  flat = scores.reshape(-1)
  most = min(most, flat.shape[0])
  order = lax.top_k(flat, most)[1]
  marks = lax.iota(jnp.int32, most) < points
  chosen = jnp.zeros(flat.shape, bool).at[order].set(marks, unique_indices=True)
  return chosen.reshape(scores.shape)


def choose_on_host(scores: np.ndarray, points: int) -> np.ndarray:
  """Marks points like `choose`, in NumPy, for a whole stage.

  Of equal scores the first are taken.

  Args:
    scores: float32, of any shape.
    points: how many to mark.

  Returns:
    bool of the same shape, with min(points, pixels) True.
  """
  flat = scores.reshape(-1)
  points = min(points, flat.size)
  if not points:
    return np.zeros(scores.shape, bool)
  # By value: to partition indices takes 3 times as long, and 40 times where
  # many scores are equal.
  least = np.partition(flat, flat.size - points)[flat.size - points]
  chosen = flat > least
  missing = points - np.count_nonzero(chosen)
  chosen[np.flatnonzero(flat == least)[:missing]] = True
  return chosen.reshape(scores.shape)
