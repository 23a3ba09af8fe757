"""Initial weights of He et al., not drawn where only their shapes are asked.

Flax traces the initialiser of every weight whenever a network is traced, also
of one whose weights are given, to compare shapes. For what is drawn at random
that takes half of the time of tracing a network.
"""

from collections.abc import Callable, Iterator
import contextlib
import contextvars
import functools
from typing import Any, ParamSpec, TypeVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

_P = ParamSpec('_P')
_T = TypeVar('_T')
_given: contextvars.ContextVar[bool] = contextvars.ContextVar(
  'given', default=False
)


def he(gain: float = 1.0) -> Callable[..., Any]:
  """Returns the initialiser of He et al. (ICCV 2015), `gain` times as large."""
  draw = nn.initializers.variance_scaling(
    2.0 * gain**2, 'fan_in', 'truncated_normal'
  )

  def start(
    key: jax.Array,
    shape: tuple[int, ...],
    dtype: jax.typing.DTypeLike = jnp.float32,
  ) -> Any:
    if _given.get():
      return np.broadcast_to(np.zeros((), dtype), shape)
    return draw(key, shape, dtype)

  return start


def weights_given(apply: Callable[_P, _T]) -> Callable[_P, _T]:
  """Wraps a module's `apply`, to which all weights are given.

  Their shapes are compared as before.
  """

  @functools.wraps(apply)
  def run(*arguments: _P.args, **named: _P.kwargs) -> _T:
    with _no_drawing():
      return apply(*arguments, **named)

  return run


def shapes(init: Callable[..., Any], **inputs: Any) -> Any:
  """Returns the shapes of the weights that a module's `init` would draw.

  Args:
    init: (key, **inputs) -> variables.
    **inputs: arrays; those of NumPy need no program of their own.
  """

  # Made here for each call, as JAX remembers what it has traced of a function.
  def run(inputs: dict[str, Any]) -> Any:
    with _no_drawing():
      return init(jax.random.key(0), **inputs)

  return jax.eval_shape(run, inputs)


@contextlib.contextmanager
def _no_drawing() -> Iterator[None]:
  before = _given.set(True)
  try:
    yield
  finally:
    _given.reset(before)
