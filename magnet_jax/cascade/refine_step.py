"""What happens to a batch of windows on the device, as pure functions.

The steps take uint8 windows, normalise them there and return only what is
kept; the full-size map stays on the host.
"""

from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from magnet_jax.ops import normalise, resize, selection
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.types import Network, Size


class Refined(NamedTuple):
  """What comes back of a batch of refined windows.

  Attributes:
    probabilities: float32 [B,h',w',C], at the windows' size in their stage.
    chosen: bool [B,h,w], the points where they are R; elsewhere they are Y.
  """

  probabilities: jax.Array
  chosen: jax.Array


class Candidates(NamedTuple):
  """Refined windows before anything is chosen.

  Attributes:
    refined: float32 [B,h,w,C], R.
    coarse: float32 [B,h,w,C], Y.
    scores: float32 [B,h,w], Q; -1 in the padding.
  """

  refined: jax.Array
  coarse: jax.Array
  scores: jax.Array


def segment_windows(segmenter: Network, *, images: jax.Array) -> jax.Array:
  """Segments windows on their own: O.

  Args:
    segmenter: normalised images [B,h,w,3] -> logits [B,h,w,C].
    images: uint8 [B,h,w,3].

  Returns:
    float32 [B,h,w,C], probabilities.
  """
  logits = segmenter(normalise.normalise(images))
  return jax.nn.softmax(logits.astype(jnp.float32))


def candidates(
  segmenter: Network,
  refiner: Network,
  *,
  images: jax.Array,
  coarse: jax.Array,
  offsets: jax.Array,
  ratios: jax.Array,
  valid: jax.Array,
  kernel: int,
) -> Candidates:
  """Steps 1 to 4 of the method: O, Y, R and Q of every window.

  Args:
    segmenter: normalised images [B,h,w,3] -> logits [B,h,w,C].
    refiner: (scale=O, coarse=Y) [B,h,w,C] -> logits [B,h,w,C].
    images: uint8 [B,h,w,3], the windows at the network's input size.
    coarse: float32 [B,h',w',C], pieces of the segmentation so far.
    offsets: float32 [B,2], (y, x) of the window in its piece, in its pixels.
    ratios: float32 [B,2], pixels of the piece per pixel of the window.
    valid: int32 [B,2], rows and columns of the window that are not padding.
    kernel: odd side of the median filter.
  """
  scale = segment_windows(segmenter, images=images)
  size = (images.shape[1], images.shape[2])
  y = jax.vmap(lambda m, o, r: resize.sample(m, offset=o, ratio=r, size=size))(
    coarse, offsets, ratios
  )
  logits = refiner(scale=scale, coarse=y)
  r = jax.nn.softmax(logits.astype(jnp.float32))
  scores = jax.vmap(
    lambda y, r, v: selection.score(coarse=y, refined=r, kernel=kernel, valid=v)
  )(y, r, valid)
  return Candidates(refined=r, coarse=y, scores=scores)


def refine_windows(
  segmenter: Network,
  refiner: Network,
  *,
  points: jax.Array,
  window: Size,
  kernel: int,
  most: int,
  **arrays: jax.Array,
) -> Refined:
  """Steps 1 to 5 of the method, K points of highest Q per window.

  Args:
    segmenter: as for `candidates`.
    refiner: as for `candidates`.
    points: int32 [B], K of each window.
    window: (h', w'), the windows' size in their stage.
    kernel: odd side of the median filter.
    most: static upper bound of K.
    **arrays: the other arrays of `candidates`.
  """
  found = candidates(segmenter, refiner, kernel=kernel, **arrays)
  chosen = jax.vmap(lambda q, k: selection.choose(q, k, most))(
    found.scores, points
  )
  network = found.coarse.shape[1:3]
  if network == window:
    mixed = jnp.where(chosen[..., None], found.refined, found.coarse)
    return Refined(probabilities=mixed, chosen=chosen)
  # Only R comes from the network's size. Y is taken at the size where it stays:
  # resized twice it would be blurred.
  zoom = jnp.asarray(np.divide(network, window), jnp.float32)
  coarse = jax.vmap(
    lambda m, o, r: resize.sample(m, offset=o, ratio=r, size=window)
  )(arrays['coarse'], arrays['offsets'], arrays['ratios'] * zoom[None])
  marks = chosen[..., None].astype(jnp.float32)
  refined = jnp.where(chosen[..., None], found.refined, jnp.float32(0))
  marks, refined = (resize.upsample(x, window) for x in (marks, refined))
  return Refined(probabilities=refined + (1 - marks) * coarse, chosen=chosen)


def doubts(
  *,
  coarse: jax.Array,
  offsets: jax.Array,
  ratios: jax.Array,
  valid: jax.Array,
  size: Size,
) -> jax.Array:
  """How unsure the segmentation so far is in each window: float32 [B].

  The mean of Y^u over the pixels that are not padding.

  Args:
    coarse: as for `candidates`, with offsets, ratios and valid.
    offsets: as coarse.
    ratios: as coarse.
    valid: as coarse.
    size: (h, w) of the windows that `ratios` and `valid` are made for.
  """

  def one(m: jax.Array, o: jax.Array, r: jax.Array, v: jax.Array) -> jax.Array:
    unsure = uncertainty(resize.sample(m, offset=o, ratio=r, size=size))
    inside = (lax.iota(jnp.int32, size[0]) < v[0])[:, None] & (
      lax.iota(jnp.int32, size[1]) < v[1]
    )[None, :]
    total = jnp.where(inside, unsure, jnp.float32(0)).sum()
    return total / v.prod().astype(jnp.float32)

  return jax.vmap(one)(coarse, offsets, ratios, valid)
