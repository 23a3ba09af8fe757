import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.refiners import iterative
from magnet_jax.refiners.refiner import Seen
from magnet_jax.types import InputError

CLASSES = 2


def seen(seed=0, size=(6, 5)):
  rng = np.random.default_rng(seed)
  maps = rng.random((1, *size, CLASSES)).astype(np.float32)
  return Seen(
    coarse=jnp.asarray(maps / maps.sum(-1, keepdims=True)),
    images=jnp.asarray(rng.normal(0, 1, (1, *size, 3)), jnp.float32),
  )


def trained(**settings):
  """A corrector with random weights, and its network."""
  corrector = iterative.make(num_classes=CLASSES, width=4, **settings)
  init = functools.partial(corrector.module.init, **corrector.inputs)
  variables = jax.eval_shape(init, jax.random.key(0))
  rng = np.random.default_rng(0)
  variables = jax.tree.map(
    lambda x: jnp.asarray(rng.uniform(0.1, 1, x.shape), jnp.float32), variables
  )
  return corrector, jax.jit(
    functools.partial(corrector.module.apply, variables)
  )


def test_three_rounds_are_three_calls_with_the_same_image():
  given = seen()
  corrector, network = trained(times=3)
  calls = []

  def watched(*, images, coarse):
    calls.append(images)
    return network(images=images, coarse=coarse)

  refiner = corrector.refiner(watched)
  found = refiner.apply(refiner.variables, given)
  current = given.coarse
  for _ in range(3):
    logits = network(images=given.images, coarse=current)
    current = jax.nn.softmax(logits)
  np.testing.assert_array_equal(found, logits)
  assert len(calls) == 3 and all(each is given.images for each in calls)
  *_, last = corrector.outputs(network, given)
  np.testing.assert_array_equal(found, last)


def test_one_round_is_one_call():
  given = seen()
  corrector, network = trained(times=1)
  refiner = corrector.refiner(network)
  np.testing.assert_array_equal(
    refiner.apply(refiner.variables, given),
    network(images=given.images, coarse=given.coarse),
  )
  assert refiner.halo == 4
  with pytest.raises(InputError, match='times 0: must be at least 1'):
    iterative.make(num_classes=2, times=0)


def test_it_starts_from_the_map():
  corrector = iterative.make(num_classes=CLASSES, width=4)

  def run(key):
    variables = corrector.module.init(key, **corrector.inputs)
    network = jax.tree_util.Partial(corrector.module.apply, variables)
    return corrector.refiner(network).probabilities(seen())

  found = jax.jit(run)(jax.random.key(1))
  np.testing.assert_allclose(found, seen().coarse, atol=5e-3)


def test_it_has_the_layers_of_the_refiner_with_colours_for_one_map():
  count = 7
  module = iterative.make(num_classes=count).module
  shapes = jax.eval_shape(
    lambda: module.init(
      jax.random.key(0),
      images=jnp.zeros((1, 8, 8, 3)),
      coarse=jnp.zeros((1, 8, 8, count)),
    )
  )
  found = sum(x.size for x in jax.tree.leaves(shapes['params']))
  # That of the refiner, whose input has count - 3 more channels.
  assert found == 88_092 - (count - 3) * (2 + 9 * 64)
