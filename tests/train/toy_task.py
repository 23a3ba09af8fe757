"""A training that compiles at once."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from magnet_jax.train import loop, pace, state
from magnet_jax.types import Meta

STEPS = 7


def make_batches(first):
  """Batch i is a function of i alone, as the pipelines' are."""
  for index in range(first, 10_000):
    rng = np.random.default_rng(index)
    yield {'x': rng.standard_normal((4, 3)).astype(np.float32)}


@functools.lru_cache
def make_task() -> loop.Task:
  """Linear regression, which compiles at once."""
  rate = optax.linear_schedule(0.1, 0.01, STEPS)
  descent = optax.sgd(1.0, 0.9)

  def start():
    variables = {'params': {'w': jnp.ones(3)}, 'batch_stats': {}}
    return state.start(variables, descent)

  @jax.jit
  def step(before, batch, rate):
    def loss_of(params):
      return jnp.mean((batch['x'] @ params['w'] - 2) ** 2)

    loss, slopes = jax.value_and_grad(loss_of)(before.variables['params'])
    after = state.update(
      before, slopes, {}, optimizer=descent, decay=0.9, rate=rate
    )
    norm = jnp.sqrt(jnp.sum(slopes['w'] ** 2))
    return after, {'loss': loss, 'gradient_norm': norm}

  def evaluate(variables, _):
    right = jnp.round(100 * jnp.abs(variables['params']['w'][0]))
    return jnp.array([[right, 1], [1, 50]])

  return loop.Task(
    name='toy',
    limits=pace.Limits(STEPS),
    start=start,
    step=step,
    rate=rate,
    batches=make_batches,
    validation=lambda: iter([{}]),
    evaluate=evaluate,
    validate_every=2,
    unscored=(),
    meta=Meta(kind='segmenter'),
  )
