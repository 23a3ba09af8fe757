"""Batches in parts, and computation in half precision, in training."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from magnet_jax.configs import tiny
from magnet_jax.metrics import losses
from magnet_jax.models import build
from magnet_jax.train import segmenter_task, steps
from magnet_jax.train import state as train_state
from magnet_jax.types import InputError

pytestmark = pytest.mark.usefixtures('loose_types')
SIDE = 16


class Pixelwise(nn.Module):
  """Without statistics, so that the rows of a batch do not meet."""

  @nn.compact
  def __call__(self, images, *, train=False):
    del train
    return nn.Dense(3)(nn.tanh(nn.Dense(4)(images)))


def _batch(rows=4):
  image = np.random.default_rng(0).integers(0, 255, (rows, SIDE, SIDE, 3))
  image = image.astype(np.uint8)
  return {'image': image, 'label': image.argmax(-1).astype(np.uint8)}


def _trained(module, count, **settings):
  """The losses of some steps, and the state after them."""
  update = optax.adamw(1e-2)
  blank = jnp.zeros((1, SIDE, SIDE, 3))
  variables = build.trained(jax.jit(module.init)(jax.random.key(0), blank))
  state = train_state.start(variables, update)
  step = jax.jit(
    functools.partial(
      steps.segmenter_step,
      segmenter=module,
      loss=losses.cross_entropy,
      optimizer=update,
      decay=0.5,
      **settings,
    )
  )
  found = []
  for _ in range(count):
    state, metrics = step(state, _batch())
    found.append(float(metrics['loss']))
  return found, state


@pytest.mark.parametrize('parts', [2, 4])
def test_parts_give_the_gradients_of_the_whole(parts):
  losses_of_whole, whole = _trained(Pixelwise(), 3)
  losses_of_parts, found = _trained(Pixelwise(), 3, parts=parts)
  np.testing.assert_allclose(losses_of_parts, losses_of_whole, rtol=1e-5)
  for name in ('variables', 'average'):
    jax.tree.map(
      functools.partial(np.testing.assert_allclose, atol=1e-5),
      getattr(found, name),
      getattr(whole, name),
    )


def test_statistics_see_every_part():
  module = build.segmenter(num_classes=3, name='unet', width=4, levels=1)
  _, once = _trained(module, 1)
  _, twice = _trained(module, 1, parts=2)
  differ = [
    np.abs(a - b).max()
    for a, b in zip(
      jax.tree.leaves(once.variables['batch_stats']),
      jax.tree.leaves(twice.variables['batch_stats']),
      strict=True,
    )
  ]
  assert max(differ) > 1e-4
  assert all(map(np.isfinite, differ))


def test_parts_must_divide_the_batch():
  config = tiny.get_config()
  config.train.segmenter.accumulate = 4
  config.train.segmenter.batch = 6
  with pytest.raises(InputError, match=r'accumulate 4: must divide .* 6 into'):
    segmenter_task.make(config)


def test_half_precision_trains_weights_of_full_precision():
  make = functools.partial(
    build.segmenter, num_classes=3, name='unet', width=4, levels=1
  )
  full, _ = _trained(make(), 8)
  half, state = _trained(make(dtype='bfloat16'), 8)
  assert half[-1] < half[0]
  np.testing.assert_allclose(half, full, rtol=0.05)
  kinds = {x.dtype for x in jax.tree.leaves((state.variables, state.average))}
  assert kinds == {jnp.dtype('float32')}
  module = make(dtype='bfloat16')
  text = (
    jax.jit(module.apply)
    .lower(state.variables, jnp.zeros((1, SIDE, SIDE, 3)))
    .as_text()
  )
  assert 'tensor<1x16x16x4xbf16>' in text
