"""Pure functions for what the device does with a batch of windows.

They take uint8 windows, a quarter of the transfer of floats, and return only
what is kept; the full-size map stays on the host.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.ops import normalise, resize, selection, softmax
from magnet_jax.ops.selection import Score
from magnet_jax.refiners.refiner import Refiner, Seen
from magnet_jax.types import Network, Size


class Refined(NamedTuple):
  """A batch of refined windows.

  Attributes:
    probabilities: float32 [B,h',w',C], at the windows' size in their stage.
    chosen: bool [B,h,w], the points that have R's values; others have Y's;
      [B,1,1] if the refiner replaces everywhere.
  """

  probabilities: jax.Array
  chosen: jax.Array


class Candidates(NamedTuple):
  """Refined windows before anything is chosen.

  Attributes:
    refined: float32 [B,h,w,C], R.
    coarse: float32 [B,h,w,C], Y.
    scores: float32 [B,h,w], Q; -1 in the padding.
    scale: float32 [B,h,w,C], O; None if the refiner does not need it.
  """

  refined: jax.Array
  coarse: jax.Array
  scores: jax.Array
  scale: jax.Array | None


def segment_windows(segmenter: Network, *, images: jax.Array) -> jax.Array:
  """Segments windows on their own: O.

  Args:
    segmenter: normalised images [B,h,w,3] -> logits [B,h,w,C].
    images: uint8 [B,h,w,3].

  Returns:
    float32 [B,h,w,C], probabilities.
  """
  return softmax.probabilities(segmenter(normalise.normalise(images)))


def crop(
  maps: jax.Array, offsets: jax.Array, ratios: jax.Array, size: Size
) -> jax.Array:
  """Samples a window from each of a batch of maps.

  Args:
    maps: float32 [B,h',w',C].
    offsets: float32 [B,2], (y, x) of the window in its map, in its pixels.
    ratios: float32 [B,2], pixels of the map per pixel of the window.
    size: (h, w) of the windows.

  Returns:
    float32 [B,h,w,C].
  """
  return jax.vmap(
    lambda m, o, r: resize.sample(m, offset=o, ratio=r, size=size)
  )(maps, offsets, ratios)


def refine_maps(
  refiner: Refiner, seen: Seen, *, kernel: int, score: Score = selection.score
) -> tuple[jax.Array, jax.Array]:
  """Refines windows and scores their points: R and Q.

  Args:
    refiner: computes R.
    seen: what it needs of the windows.
    kernel: odd side of the median filter.
    score: computes Q from both maps; the points of highest Q are replaced.

  Returns:
    float32 [B,h,w,C], probabilities; float32 [B,h,w], -1 in the padding.
  """
  refined = refiner.probabilities(seen)
  scored = functools.partial(score, kernel=kernel)
  scores = jax.vmap(
    lambda y, r, v: scored(coarse=y, refined=r, valid=v),
    in_axes=(0, 0, None if seen.valid is None else 0),
  )(seen.coarse, refined, seen.valid)
  return refined, scores


def candidates(
  segmenter: Network,
  refiner: Refiner,
  *,
  images: jax.Array,
  coarse: jax.Array,
  offsets: jax.Array,
  ratios: jax.Array,
  valid: jax.Array,
  depth: jax.Array | None = None,
  window: Size | None = None,
  kernel: int,
  score: Score = selection.score,
) -> Candidates:
  """Computes steps 1 to 4 of the method: O, Y, R and Q of every window.

  Args:
    segmenter: normalised images [B,h,w,3] -> logits [B,h,w,C]; called with
      features=True, (logits, features by name), for a refiner that needs these.
    refiner: computes R.
    images: uint8 [B,h,w,3], the windows at the network's input size.
    coarse: float32 [B,h',w',C], pieces of the segmentation so far.
    offsets: float32 [B,2], (y, x) of the window in its piece, in its pixels.
    ratios: float32 [B,2], pixels of the piece per pixel of the window.
    valid: int32 [B,2], rows and columns of the window that are not padding.
    depth: float32 [B,h,w,1] or [B,h,w,C], as in `Seen`, for a refiner that
      needs it.
    window: (h', w'), the windows' size in their stage, at which a refiner
      of any size works: its results have this size instead of (h, w).
    kernel: odd side of the median filter.
    score: as for `refine_maps`.
  """
  needs, size = refiner.needs, (images.shape[1], images.shape[2])
  # `needs` is static: what a refiner does not need is never traced, so a
  # refiner of maps alone costs no segmenter and no normalised image.
  pixels = normalise.normalise(images) if needs - {'depth'} else None
  scale = features = None
  if 'features' in needs:
    logits, features = segmenter(pixels, features=True)
    scale = softmax.probabilities(logits)
  elif 'scale' in needs:
    scale = softmax.probabilities(segmenter(pixels))
  if refiner.any_size and window and window != size:
    ratios = ratios * jnp.asarray(np.divide(size, window), jnp.float32)[None]
    size = window
    scale = None if scale is None else resize.upsample(scale, size)
    if depth is not None:
      depth = resize.upsample(depth, size)
  y = crop(coarse, offsets, ratios, size)
  pixels = pixels if 'images' in needs else None
  seen = Seen(y, valid, scale, pixels, depth, features)
  r, scores = refine_maps(refiner, seen, kernel=kernel, score=score)
  return Candidates(refined=r, coarse=y, scores=scores, scale=scale)


def choose(
  refiner: Refiner, scores: jax.Array, points: jax.Array, most: int
) -> jax.Array:
  """Marks the points of each window where R replaces Y.

  Args:
    refiner: its `choice` decides whether points are chosen at all.
    scores: float32 [B,h,w], Q.
    points: int32 [B], K of each window.
    most: static upper bound of K.

  Returns:
    bool [B,h,w]; [B,1,1] if the refiner replaces everywhere.
  """
  if refiner.choice == 'everywhere':
    return jnp.ones((len(points), 1, 1), bool)
  return jax.vmap(lambda q, k: selection.choose(q, k, most))(scores, points)


def refine_windows(
  segmenter: Network,
  refiner: Refiner,
  *,
  points: jax.Array,
  window: Size,
  kernel: int,
  most: int,
  mix: float = 0.0,
  score: Score = selection.score,
  **arrays: jax.Array,
) -> Refined:
  """Computes steps 1 to 5 of the method: K points of highest Q per window.

  Args:
    segmenter: as for `candidates`.
    refiner: as for `candidates`.
    points: int32 [B], K of each window.
    window: (h', w'), the windows' size in their stage.
    kernel: odd side of the median filter.
    most: static upper bound of K.
    mix: share of O in the result; above 0 the refiner must need `scale`.
    score: as for `refine_maps`.
    **arrays: the other arrays of `candidates`.
  """
  found = candidates(
    segmenter, refiner, window=window, kernel=kernel, score=score, **arrays
  )
  chosen = choose(refiner, found.scores, points, most)
  network = (found.coarse.shape[1], found.coarse.shape[2])
  if refiner.choice == 'everywhere':
    # Nothing depends on the scores, which the compiler leaves out.
    mixed = found.refined
    if network != window:
      mixed = resize.upsample(mixed, window)
  elif network == window:
    mixed = jnp.where(chosen[..., None], found.refined, found.coarse)
  else:
    # R exists only at the network's size, but Y is sampled again at the
    # window's own size: resizing it twice would blur what is kept.
    zoom = jnp.asarray(np.divide(network, window), jnp.float32)
    ratios = arrays['ratios'] * zoom[None]
    coarse = crop(arrays['coarse'], arrays['offsets'], ratios, window)
    marks = chosen[..., None].astype(jnp.float32)
    refined = jnp.where(chosen[..., None], found.refined, jnp.float32(0))
    marks, refined = (resize.upsample(x, window) for x in (marks, refined))
    mixed = refined + (1 - marks) * coarse
  if mix:
    assert found.scale is not None
    # Over all points, also those that keep Y: the last stage should follow
    # its own windows where the refiner had nothing to say.
    own = found.scale
    own = own if network == window else resize.upsample(own, window)
    mixed = mixed + jnp.float32(mix) * (own - mixed)
  return Refined(probabilities=mixed, chosen=chosen)
