"""Schedules and optimizers by name, composed of optax parts."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import optax

from magnet_jax.types import InputError


def _polynomial(rate: float, steps: int) -> optax.Schedule:
  return optax.polynomial_schedule(rate, 0.0, 0.9, steps)


def _cosine(rate: float, steps: int) -> optax.Schedule:
  return optax.cosine_decay_schedule(rate, max(steps, 1))


SCHEDULES: dict[str, Callable[[float, int], optax.Schedule]] = {
  'polynomial': _polynomial,
  'cosine': _cosine,
}


def schedule(
  *,
  name: str,
  rate: float,
  steps: int,
  warmup: int = 0,
  drops: Sequence[float] = (),
) -> optax.Schedule:
  """Builds a learning rate by step: linear warm-up, then the named decay.

  Args:
    name: 'polynomial' (power .9), 'cosine' or 'step'.
    rate: peak learning rate.
    steps: number of steps of the training, warm-up included.
    warmup: steps from 0 to `rate`.
    drops: for 'step', fractions of the training after which the rate is
      divided by 10.

  Raises:
    InputError: for an unknown name or a warm-up longer than the training.
  """
  if warmup > steps:
    raise InputError(
      f'warmup {warmup}: must not exceed the {steps} steps of the training; '
      'lower it'
    )
  rest = steps - warmup
  if name == 'step':
    # `join_schedules` counts from the end of the warm-up.
    edges = {round(drop * steps) - warmup: 0.1 for drop in drops}
    decay = optax.piecewise_constant_schedule(rate, edges)
  elif name in SCHEDULES:
    decay = SCHEDULES[name](rate, rest)
  else:
    raise InputError(
      f'schedule {name!r}: unknown; choose one of step, {", ".join(SCHEDULES)}'
    )
  if not warmup:
    return decay
  rise = optax.linear_schedule(0.0, rate, warmup)
  return optax.join_schedules([rise, decay], [warmup])


def _kernels(params: Any) -> Any:
  """True for kernels: biases and normalisation scales are not decayed."""
  return jax.tree.map(lambda p: p.ndim > 1, params)


def part_rate(*path: str, factor: float) -> optax.GradientTransformation:
  """Returns a transformation that scales the updates of a part.

  Put after the decay, it scales that as well.

  Args:
    *path: keys of the part in the parameters, from the outermost.
    factor: of its learning rate; 0 freezes it.
  """

  def inside(params: Any) -> Any:
    return jax.tree_util.tree_map_with_path(
      lambda keys, _: tuple(k.key for k in keys[: len(path)]) == path, params
    )

  return optax.masked(optax.scale(factor), inside)


def optimizer(
  *,
  name: str,
  rate: optax.Schedule,
  weight_decay: float,
  momentum: float = 0.9,
  clip: float | None = None,
  trunk_rate: float = 1.0,
) -> optax.GradientTransformation:
  """Builds the optimizer.

  Args:
    name: 'sgd' (momentum; decay added to the gradient of every parameter, as
      in PyTorch) or 'adamw' (decay of kernels only).
    rate: learning rate by step.
    weight_decay: its strength.
    momentum: of sgd.
    clip: largest global norm of the gradient; None does not clip.
    trunk_rate: factor of the learning rate of the parameters in 'trunk', which
      must be there unless it is 1; 0 freezes them.

  Raises:
    InputError: for an unknown name.
  """
  if name == 'sgd':
    update = optax.chain(
      optax.add_decayed_weights(weight_decay), optax.sgd(rate, momentum)
    )
  elif name == 'adamw':
    update = optax.adamw(rate, weight_decay=weight_decay, mask=_kernels)
  else:
    raise InputError(f'optimizer {name!r}: unknown; choose one of sgd, adamw')
  # Left out at 1: states of earlier versions have no place for it.
  if trunk_rate != 1:
    update = optax.chain(update, part_rate('trunk', factor=trunk_rate))
  if clip is None:
    return update
  return optax.chain(optax.clip_by_global_norm(clip), update)
