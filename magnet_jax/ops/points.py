"""Points of a map: read anywhere, or chosen where the map is least certain.

The parts of PointRend (Kirillov et al., CVPR 2020) that have no weights. A
point is (y, x) in [0, 1]² of a map of any size, whose pixel i of n has its
centre at (i + 0.5) / n.
"""

import jax
from jax import lax
import jax.numpy as jnp

OVERSAMPLING = 3  # candidates per point of a training
IMPORTANCE = 0.75  # share of its points that are the least certain of these


def sample(maps: jax.Array, points: jax.Array) -> jax.Array:
  """Reads maps at points, bilinearly.

  Args:
    maps: floats [B,H,W,F].
    points: float32 [B,P,2], in [0, 1]; nearer to the border than the centres
      of its pixels, the border is repeated.

  Returns:
    [B,P,F].
  """
  batch, height, width, features = maps.shape
  top, bottom, down = _neighbours(points[..., 0], height)
  left, right, across = _neighbours(points[..., 1], width)
  flat = maps.reshape(batch, height * width, features)

  def read(rows: jax.Array, columns: jax.Array) -> jax.Array:
    return _take(flat, rows * width + columns)

  down, across = (x[..., None].astype(maps.dtype) for x in (down, across))
  upper = read(top, left) * (1 - across) + read(top, right) * across
  lower = read(bottom, left) * (1 - across) + read(bottom, right) * across
  return upper * (1 - down) + lower * down


def _neighbours(
  places: jax.Array, length: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Returns lower and upper pixels of an axis, and the share of the upper."""
  centres = jnp.clip(places * length - 0.5, 0.0, length - 1)
  low = jnp.floor(centres).astype(jnp.int32)
  share = centres - low.astype(jnp.float32)
  return low, jnp.minimum(low + 1, length - 1), share


def _take(values: jax.Array, index: jax.Array) -> jax.Array:
  """Returns [B,P,…] of [B,N,…], by an index [B,P] of the second axis."""
  return jax.vmap(lambda rows, at: rows[at])(values, index)


def nearest(labels: jax.Array, points: jax.Array) -> jax.Array:
  """Reads labels [B,H,W] at points [B,P,2]: the pixel that a point is in."""
  batch, height, width = labels.shape
  rows, columns = (
    jnp.clip((points[..., axis] * length).astype(jnp.int32), 0, length - 1)
    for axis, length in enumerate((height, width))
  )
  return _take(labels.reshape(batch, -1), rows * width + columns)


def margin(logits: jax.Array) -> jax.Array:
  """The largest minus the second largest: [...,C] -> [...], 0 for a tie.

  The smaller, the less certain; infinite for a single class.
  """
  first = logits[..., 0]
  second = jnp.full_like(first, -jnp.inf)
  for k in range(1, logits.shape[-1]):
    value = logits[..., k]
    second = jnp.maximum(second, jnp.minimum(first, value))
    first = jnp.maximum(first, value)
  return first - second


def least_certain(logits: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
  """Chooses the pixels of smallest margin, by `jax.lax.top_k`.

  Args:
    logits: [B,H,W,C].
    count: N, how many; all pixels if there are fewer.

  Returns:
    int32 [B,N], their indices, row by row; float32 [B,N,2], their centres.
  """
  batch, height, width, _ = logits.shape
  margins = margin(logits).reshape(batch, height * width)
  _, index = lax.top_k(-margins, min(count, height * width))
  at = (index // width, height), (index % width, width)
  centres = [(i.astype(jnp.float32) + 0.5) / length for i, length in at]
  return index, jnp.stack(centres, -1)


def replace(maps: jax.Array, index: jax.Array, values: jax.Array) -> jax.Array:
  """Replaces pixels of maps.

  Args:
    maps: [B,H,W,C].
    index: int32 [B,N], as from `least_certain`; no pixel twice.
    values: [B,N,C].

  Returns:
    [B,H,W,C].
  """
  batch, height, width, features = maps.shape
  flat = maps.reshape(batch, height * width, features)
  changed = jax.vmap(
    lambda rows, at, new: rows.at[at].set(new, unique_indices=True)
  )(flat, index, values)
  return changed.reshape(maps.shape)


def draw(key: jax.Array, logits: jax.Array, count: int) -> jax.Array:
  """Draws the points that a head is trained on.

  Of `OVERSAMPLING` times as many uniform candidates, those of smallest margin
  make up a share of `IMPORTANCE`; the rest is uniform.

  Args:
    key: random key.
    logits: [B,H,W,C], the coarse map; has no gradient.
    count: P.

  Returns:
    float32 [B,P,2].
  """
  batch = logits.shape[0]
  first, second = jax.random.split(key)
  candidates = jax.random.uniform(first, (batch, OVERSAMPLING * count, 2))
  margins = margin(sample(lax.stop_gradient(logits), candidates))
  kept = int(IMPORTANCE * count)
  _, index = lax.top_k(-margins, kept)
  rest = jax.random.uniform(second, (batch, count - kept, 2))
  return jnp.concatenate([_take(candidates, index), rest], axis=1)
