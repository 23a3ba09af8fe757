"""A network with a small receptive field, applied in strips to save memory."""

from collections.abc import Callable
import dataclasses
import math
from typing import Any

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

# Pixels of a strip, without margins. The refiner of the paper needs about
# 800 MB for a whole window of 612x612, and 250 MB in strips of this size.
PIXELS = 2**16


@dataclasses.dataclass(frozen=True)
class InStrips:
  """Applies a network strip by strip; the result is the same.

  A strip has `halo` more rows on either side than are kept, except at the edges
  of the map, where the network pads as it does without strips.

  Attributes:
    apply: (variables, **maps [B,h,w,C]) -> [B,h,w,C'].
    halo: rows above and below that a row of the result depends on.
    pixels: approximate pixels of a strip.

  >>> total = InStrips(lambda v, *, m: v * m, halo=0, pixels=4)
  >>> total(2, m=jnp.ones((1, 8, 2, 1))).shape
  (1, 8, 2, 1)
  """

  apply: Callable[..., Any]
  halo: int
  pixels: int = PIXELS

  def __call__(self, variables: object, **maps: jax.Array) -> jax.Array:
    """Calls `apply`, strip by strip."""
    height, width = next(iter(maps.values())).shape[1:3]
    rows = math.ceil(self.pixels / width)
    count = math.ceil(height / rows)
    if count == 1 or math.ceil(height / count) + 2 * self.halo >= height:
      whole: jax.Array = self.apply(variables, **maps)
      return whole
    bounds = [i * height // count for i in range(count + 1)]
    length = math.ceil(height / count) + 2 * self.halo
    # All have the same length, so strips at the edges are moved inwards, where
    # the halo on their other side grows.
    starts = np.clip(
      np.array(bounds[:-1]) - self.halo, 0, height - length
    ).astype(np.int32)

    def one(start: jax.Array) -> jax.Array:
      strip: jax.Array = self.apply(
        variables,
        **{
          name: lax.dynamic_slice_in_dim(each, start, length, axis=1)
          for name, each in maps.items()
        },
      )
      return strip

    # One after the other, which is what saves memory.
    strips = lax.map(one, jnp.asarray(starts))
    kept = [
      strips[i, :, bounds[i] - start : bounds[i + 1] - start]
      for i, start in enumerate(starts)
    ]
    return jnp.concatenate(kept, axis=1)
