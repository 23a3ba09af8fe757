"""Validation counts may exceed the integer type of a batch."""

import types

import jax.numpy as jnp
import numpy as np

from magnet_jax.train import loop


def test_batches_are_summed_in_64_bits():
  full = jnp.array([[2**31 - 1, 0], [2**31 - 1, 0]], jnp.int32)
  task = types.SimpleNamespace(
    evaluate=lambda variables, batch: full,
    team=types.SimpleNamespace(split=lambda batch: batch),
    unscored=(),
  )
  assert np.isclose(loop.validate(task, None, range(5)), 0.25)
