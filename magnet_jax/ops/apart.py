"""Functions that XLA compiles apart from what stands around them, for CPUs.

XLA computes what is elementwise, or a choice of pixels, inside of whatever
reads it, once for each reader and each pixel read. On CPUs it knows no end of
this: a block of a residual chain adds up all blocks before it anew, and a
resized map does so for each of four pixels (`experiments/forward/chains.py`).
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import lax
from jax.experimental.xla_metadata import set_xla_metadata


def apart(function: Callable[..., Any]) -> Callable[..., jax.Array]:
  """Returns a function whose arguments and result are computed once.

  The result is the same. A barrier of optimisation does not do, as XLA drops it
  before it fuses on CPUs; a function that is not inlined remains.

  Args:
    function: of arrays, or trees of them, to an array that it computes.

  >>> import jax.numpy as jnp
  >>> float(apart(jnp.square)(jnp.float32(3)))
  9.0
  """
  named = jax.jit(function)

  def called(*given: object) -> jax.Array:
    found: jax.Array = set_xla_metadata(named(*given), inlineable='false')
    return found

  def run(*given: object) -> jax.Array:
    if jax.default_backend() != 'cpu':
      plain: jax.Array = function(*given)
      return plain
    # A program that is exported here may run elsewhere.
    found: jax.Array = lax.platform_dependent(*given, cpu=called, default=named)
    return found

  return run
