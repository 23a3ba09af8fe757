"""SegFix learns outlines and directions, and is scored by what it corrects."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from magnet_jax.data import directions
from magnet_jax.ops import offsets
from magnet_jax.refiners.corrector import Corrector
from magnet_jax.train import corrector_steps, segfix_recipe
from magnet_jax.train import state as train_state

SIZE = (20, 24)


class Toy(nn.Module):
  """Sees six pixels on every side."""

  @nn.compact
  def __call__(self, images, *, train=False):
    sides = ((13, 1), (1, 13))
    x = jnp.concatenate([nn.Conv(4, side)(images) for side in sides], -1)
    x = nn.BatchNorm(use_running_average=not train)(x)
    return nn.Dense(10)(nn.relu(x))


class Blurred:
  """A segmenter whose outlines are two pixels off, to the left and top."""

  def apply(self, variables, images):
    del variables
    cut = images[:, 2:, 2:, :1]
    bright = jnp.pad(cut, ((0, 0), (0, 2), (0, 2), (0, 0)), mode='edge')
    return jnp.concatenate([-bright, bright], -1)


def _batch():
  label = np.zeros((2, *SIZE), np.uint8)
  label[0, :, 11:] = 1
  label[1, 10:] = 1
  truths = [directions.truth(each) for each in label]
  boundary, direction = (np.stack(each) for each in zip(*truths, strict=True))
  boundary[:, 0], direction[:, 0] = 255, 255
  image = np.where(label[..., None] > 0, 220, 40).repeat(3, -1)
  return {
    'images': image.astype(np.uint8)[:, None].repeat(2, 1),
    'labels': label[:, None].repeat(2, 1),
    'offsets': np.zeros((2, 2, 2), np.float32),
    'ratios': np.ones((2, 2, 2), np.float32),
    'boundary': boundary,
    'direction': direction,
  }


def test_a_few_steps_correct_outlines():
  corrector, update = Corrector(Toy(), {}, 'patch'), optax.sgd(0.3, 0.9)
  init = jax.jit(corrector.module.init)
  state = train_state.start(
    init(jax.random.key(0), jnp.zeros((1, *SIZE, 3))), update
  )
  shared = {
    'segmenter': Blurred(),
    'samples': functools.partial(
      segfix_recipe.samples, start='patch', network=SIZE
    ),
  }
  step = jax.jit(
    functools.partial(
      corrector_steps.corrector_step,
      loss=functools.partial(segfix_recipe.loss, corrector, loss=None),
      optimizer=update,
      decay=0.5,
      crop=(0, 0),
      key=jax.random.key(0),
      **shared,
    )
  )
  evaluate = jax.jit(
    functools.partial(
      corrector_steps.evaluate_corrector,
      predict=functools.partial(segfix_recipe.predict, corrector),
      num_classes=2,
      **shared,
    )
  )
  batch = _batch()
  before = np.asarray(evaluate(state.average, batch, {}))
  found = []
  for _ in range(25):
    state, metrics = step(state, batch, np.float32(1), {})
    found.append(float(metrics['loss']))
  assert all(np.isfinite(found)) and found[-1] < found[0] / 4
  after = np.asarray(evaluate(state.average, batch, {}))
  assert after.sum() == before.sum() == 2 * SIZE[0] * SIZE[1]
  assert after[0, 1] + after[1, 0] < (before[0, 1] + before[1, 0]) / 2


def test_moves_on_devices_are_those_on_the_host():
  rng = np.random.default_rng(0)
  codes = rng.integers(0, offsets.CODES, (3, 7, 9))
  classes = rng.integers(0, 100, (3, 7, 9))
  found = jax.jit(segfix_recipe.moved)(classes, codes)
  for each, code, given in zip(found, codes, classes, strict=True):
    np.testing.assert_array_equal(
      each, offsets.apply(given, code.astype(np.uint8))
    )
