"""A network that looks only nearby, run on strips of rows to spare memory."""

from collections.abc import Callable
import dataclasses
import math
from typing import Any

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

# Pixels of a strip, without its margins. The refiner of the paper takes about
# 800 MB for a window of 612x612 at once, and 250 MB in strips of this size.
PIXELS = 2**16


@dataclasses.dataclass(frozen=True)
class InStrips:
  """Applies a network strip by strip; the result is the same.

  A strip has `halo` rows more on either side than are kept, except at the
  edges of the map, where the network pads as it does without strips.

  Attributes:
    apply: (variables, **maps [B,h,w,C]) -> [B,h,w,C'].
    halo: rows above and below that a row of the result depends on.
    pixels: of a window's strip, about.

  >>> total = InStrips(lambda v, *, m: v * m, halo=0, pixels=4)
  >>> total(2, m=jnp.ones((1, 8, 2, 1))).shape
  (1, 8, 2, 1)
  """

  apply: Callable[..., Any]
  halo: int
  pixels: int = PIXELS

  def __call__(self, variables: Any, **maps: jax.Array) -> jax.Array:
    """Like `apply`."""
    height, width = next(iter(maps.values())).shape[1:3]
    rows = math.ceil(self.pixels / width)
    count = math.ceil(height / rows)
    if count == 1 or math.ceil(height / count) + 2 * self.halo >= height:
      whole: jax.Array = self.apply(variables, **maps)
      return whole
    bounds = [i * height // count for i in range(count + 1)]
    length = math.ceil(height / count) + 2 * self.halo
    # All of one length, so pulled in at the edges: there the halo of the
    # strip's other side only grows.
    starts = np.clip(
      np.array(bounds[:-1]) - self.halo, 0, height - length
    ).astype(np.int32)

    def one(start: jax.Array) -> Any:
      return self.apply(
        variables,
        **{
          name: lax.dynamic_slice_in_dim(each, start, length, axis=1)
          for name, each in maps.items()
        },
      )

    # One after the other: that is what spares the memory.
    strips = lax.map(one, jnp.asarray(starts))
    kept = [
      strips[i, :, bounds[i] - start : bounds[i + 1] - start]
      for i, start in enumerate(starts)
    ]
    return jnp.concatenate(kept, axis=1)
