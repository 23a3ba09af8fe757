"""The state that a training carries from one step to the next."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

Variables = dict[str, Any]


@flax.struct.dataclass
class TrainState:
  """The state of a training; saved and restored as a whole.

  Attributes:
    step: int32, finished steps.
    variables: 'params' of the network in training, and its statistics, such as
      'batch_stats'.
    moments: the optimizer's state.
    average: `variables` with an exponential moving average of the parameters,
      which is evaluated and exported. Its statistics are the latest ones, as
      these are averages already.
  """

  step: jax.Array
  variables: Variables
  moments: optax.OptState
  average: Variables


def start(
  variables: Variables, optimizer: optax.GradientTransformation
) -> TrainState:
  """Returns the state before the first step."""
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    variables=variables,
    moments=optimizer.init(variables['params']),
    # A copy: the step donates its buffers, and each only once.
    average=jax.tree.map(jnp.copy, variables),
  )


def update(
  state: TrainState,
  gradients: Any,
  statistics: Variables,
  *,
  optimizer: optax.GradientTransformation,
  decay: float,
  rate: float | jax.Array = 1.0,
) -> TrainState:
  """Computes one step of the optimizer and of the average.

  Args:
    state: before the step.
    gradients: of the loss by the parameters.
    statistics: the other variables after the forward pass, by collection.
    optimizer: as for `start`.
    decay: of the average, in [0, 1); 0 keeps the latest variables. Limited to
      (1 + step) / (10 + step), so that a young average forgets faster.
    rate: factor of the optimizer's own learning rate.

  Returns:
    The state after the step.
  """
  params = state.variables['params']
  updates, moments = optimizer.update(gradients, state.moments, params)
  # Every optimizer multiplies by its rate last, so that this is the same.
  updates = jax.tree.map(lambda change: rate * change, updates)
  variables = {'params': optax.apply_updates(params, updates), **statistics}
  age = state.step.astype(jnp.float32)
  keep = jnp.minimum(jnp.float32(decay), (1 + age) / (10 + age))
  average = {
    'params': jax.tree.map(
      lambda old, new: keep * old + (1 - keep) * new,
      state.average['params'],
      variables['params'],
    ),
    **statistics,
  }
  return TrainState(
    step=state.step + 1, variables=variables, moments=moments, average=average
  )
