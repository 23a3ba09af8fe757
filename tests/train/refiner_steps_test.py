"""One step of the refiner's training, with one refiner or several."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from magnet_jax.metrics import losses
from magnet_jax.models import build
from magnet_jax.models.refiner import join, split
from magnet_jax.train import refiner_steps
from magnet_jax.train import state as train_state
from magnet_jax.types import InputError

CLASSES = 3
SIDE = 12
STAGES = 3  # after stage 0
RATE = 0.1


class Colours:
  """Stands for a segmenter: logits that are the normalised colours."""

  @staticmethod
  def apply(variables, images):
    del variables
    return images


@pytest.fixture(scope='module')
def refiners():
  module = build.refinement(num_classes=CLASSES, width=8)
  blank = jnp.zeros((1, SIDE, SIDE, CLASSES))
  init = jax.jit(functools.partial(module.init, scale=blank, coarse=blank))
  return module, [init(jax.random.key(seed)) for seed in (1, 2)]


def _batch():
  rng = np.random.default_rng(0)
  shape = (2, STAGES + 1, SIDE, SIDE)
  return {
    'images': rng.integers(0, 255, (*shape, 3), np.uint8),
    'offsets': np.full((2, STAGES + 1, 2), 2.0, np.float32),
    'ratios': np.full((2, STAGES + 1, 2), 0.5, np.float32),
    'labels': rng.integers(0, CLASSES, shape, np.uint8),
  }


def _step(module, variables, count):
  update = optax.sgd(RATE)
  step = functools.partial(
    refiner_steps.refiner_step,
    segmenter=Colours,
    refiner=module,
    count=count,
    loss=losses.cross_entropy,
    optimizer=update,
    decay=0.0,
    points=0.5,
    kernel=1,
    pairing='coarsest',
    crop=(SIDE, SIDE),
    key=jax.random.key(0),
  )
  state = train_state.start(variables, update)
  return jax.jit(step)(state, _batch(), np.float32(1), {})


def _pairs(module, variables):
  run = functools.partial(
    refiner_steps.cascade_pairs,
    segmenter=functools.partial(Colours.apply, {}),
    refiner=module,
    points=0.5,
    kernel=1,
    pairing='coarsest',
  )
  scale, coarse, _ = jax.jit(run)(variables, _batch())
  return scale, coarse


def test_each_refiner_learns_from_its_own_stages(refiners):
  module, both = refiners
  state, metrics = _step(module, join(both), 2)
  scale, coarse = _pairs(module, both)
  labels = _batch()['labels'][:, 1:]
  means = []
  for each, after, part in zip(
    both, split(state.variables, 2), (slice(0, 1), slice(1, 3)), strict=True
  ):
    alone = functools.partial(
      _mean_loss,
      module,
      each,
      scale=scale[:, part],
      coarse=coarse[:, part],
      labels=labels[:, part],
    )
    (mean, statistics), gradients = jax.jit(
      jax.value_and_grad(alone, has_aux=True)
    )(each['params'])
    means.append(float(mean))
    wanted = {
      'params': jax.tree.map(
        lambda p, g: p - RATE * g, each['params'], gradients
      ),
      **statistics,
    }
    jax.tree.map(
      functools.partial(np.testing.assert_allclose, atol=1e-5), after, wanted
    )
  np.testing.assert_allclose(metrics['loss'], np.mean(means), rtol=1e-5)


def _mean_loss(module, variables, params, *, scale, coarse, labels):
  shape = (-1, SIDE, SIDE)
  logits, updated = module.apply(
    {**variables, 'params': params},
    scale=scale.reshape(*shape, CLASSES),
    coarse=coarse.reshape(*shape, CLASSES),
    train=True,
    mutable=['batch_stats'],
  )
  found = losses.cross_entropy(logits, labels.reshape(shape))
  return losses.mean_loss(*found), updated


def test_one_refiner_serves_all_stages(refiners):
  module, (one, _) = refiners
  state, metrics = _step(module, one, 1)
  scale, coarse = _pairs(module, [one])
  labels = _batch()['labels'][:, 1:]
  wanted, _ = jax.jit(functools.partial(_mean_loss, module))(
    one, one['params'], scale=scale, coarse=coarse, labels=labels
  )
  np.testing.assert_allclose(metrics['loss'], wanted, rtol=1e-5)
  assert jax.tree.structure(state.variables) == jax.tree.structure(one)


def test_the_last_refiner_serves_the_rest():
  assert refiner_steps.shares(1, 3) == [slice(0, 3)]
  assert refiner_steps.shares(2, 3) == [slice(0, 1), slice(1, 3)]
  assert refiner_steps.shares(3, 3) == [slice(0, 1), slice(1, 2), slice(2, 3)]
  with pytest.raises(InputError, match=r'refiner\.count 4.*have 3'):
    refiner_steps.shares(4, 3)


def test_split_and_join_are_inverse(refiners):
  _, both = refiners
  for trees in (both, both[:1]):
    back = split(join(trees), len(trees))
    jax.tree.map(np.testing.assert_array_equal, back, list(trees))
