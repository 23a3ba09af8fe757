"""What happens to a batch of windows on the device, as pure functions.

Both steps take uint8 windows, normalise them there and return only what is
kept; the full-size map stays on the host.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from magnet_jax.ops import normalise, resize, selection
from magnet_jax.types import Network


class Refined(NamedTuple):
  """What comes back of a batch of refined windows.

  Attributes:
    change: float32 [B,h,w,C], new minus old probabilities.
    chosen: bool [B,h,w], the points that were replaced; their change is the
      only one that is not 0.
  """

  change: jax.Array
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
  y = jax.vmap(
    lambda m, o, r: resize.sample(m, offset=o, ratio=r, size=size)
  )(coarse, offsets, ratios)
  logits = refiner(scale=scale, coarse=y)
  r = jax.nn.softmax(logits.astype(jnp.float32))
  scores = jax.vmap(
    lambda y, r, v: selection.score(
      coarse=y, refined=r, kernel=kernel, valid=v
    )
  )(y, r, valid)
  return Candidates(refined=r, coarse=y, scores=scores)


def refine_windows(
  segmenter: Network,
  refiner: Network,
  *,
  points: jax.Array,
  kernel: int,
  most: int,
  **window: Any,
) -> Refined:
  """Steps 1 to 5 of the method, K points of highest Q per window.

  Args:
    segmenter: as for `candidates`.
    refiner: as for `candidates`.
    points: int32 [B], K of each window.
    kernel: odd side of the median filter.
    most: static upper bound of K.
    **window: the other arrays of `candidates`.
  """
  found = candidates(segmenter, refiner, kernel=kernel, **window)
  chosen = jax.vmap(lambda q, k: selection.choose(q, k, most))(
    found.scores, points
  )
  change = jnp.where(
    chosen[..., None], found.refined - found.coarse, jnp.float32(0)
  )
  return Refined(change=change, chosen=chosen)
