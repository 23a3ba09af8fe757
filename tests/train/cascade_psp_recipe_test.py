"""The network of CascadePSP is trained on wrong masks, and run by its name."""

import dataclasses
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.cascade import cascade_psp
from magnet_jax.models.cascade_psp import CascadePSP, Looks
from magnet_jax.predict import correctors
from magnet_jax.train import (
  cascade_psp_recipe,
  corrector_steps,
  optimizer,
  state,
)
from magnet_jax.train.corrector_recipes import RECIPES
from magnet_jax.types import InputError


class Trunk(nn.Module):
  """Two layers, as most of a trunk's time is that of compiling it."""

  @nn.compact
  def __call__(self, images, *, train=False, stem=False):
    assert stem
    half = nn.Conv(4, (2, 2), (2, 2))(images)
    return half, nn.Conv(4, (2, 2), (2, 2))(half)


def corrector():
  """A corrector with a small network."""
  found = cascade_psp.make(
    num_classes=3, trunk='resnet18', width=4, side=16, margin=1, smallest=9
  )
  module = CascadePSP(Trunk(), 8, (6, 5, 4), hidden=4)
  return dataclasses.replace(found, module=module)


def batch():
  """Bright squares, and masks that cover half of each."""
  labels, masks = np.zeros((2, 2, 16, 16), np.uint8)
  labels[:, 4:12, 4:12] = 1
  masks[:, 4:12, 4:8] = 1
  return {
    'images': np.repeat(200 * labels[..., None], 3, axis=-1),
    'labels': labels,
    'masks': masks,
  }


@pytest.mark.usefixtures('loose_types')
def test_steps_change_every_variable_and_lower_the_loss():
  recipe, trained = RECIPES['cascade_psp'], corrector()
  init = functools.partial(trained.module.init, **trained.inputs)
  rng = np.random.default_rng(0)
  variables = jax.tree_util.tree_map_with_path(
    lambda path, x: jnp.asarray(
      1 + 0.2 * rng.normal(size=x.shape)
      if path[-1].key in ('scale', 'var')
      else rng.normal(size=x.shape) / np.sqrt(np.prod(x.shape[:-1])),
      jnp.float32,
    ),
    jax.eval_shape(init, jax.random.key(0)),
  )
  update = optimizer.optimizer(name='adamw', rate=3e-3, weight_decay=1e-4)
  step = jax.jit(
    functools.partial(
      corrector_steps.corrector_step,
      segmenter=nn.Dense(3),
      samples=functools.partial(
        recipe.samples, start='patch', network=(16, 16)
      ),
      loss=functools.partial(recipe.loss, trained, loss=None),
      optimizer=update,
      decay=0.0,
      crop=(0, 0),
      key=jax.random.key(0),
    )
  )
  before = state.start(variables, update)
  after, found = before, []
  for _ in range(8):
    after, metrics = step(after, batch(), 1.0, {})
    found.append(float(metrics['loss']))
  assert np.isfinite(found).all() and found[-1] < 0.9 * found[0]
  changes = jax.tree.map(
    lambda one, other: np.abs(one - other).max(),
    *jax.device_get((before.variables, after.variables)),
  )
  for path, change in jax.tree_util.tree_leaves_with_path(changes):
    assert np.isfinite(change), path
    # The gradient of a bias before a normalisation is 0, but for rounding.
    assert change > 0 or path[-1].key == 'bias', path


def test_inside_is_where_the_last_look_says_so():
  class Half(nn.Module):
    @nn.compact
    def __call__(self, images, masks):
      full = images[..., 0] + masks
      return Looks(full, (-full, -full), (-full, -full, -full))

  trained = dataclasses.replace(corrector(), module=Half())
  found = cascade_psp_recipe.samples(
    None, jax.tree.map(jnp.asarray, batch()), start='', network=(0, 0)
  )
  assert found['masks'].min() == -1 and found['masks'].max() == 1
  classes = cascade_psp_recipe.predict(trained, {}, found)
  np.testing.assert_array_equal(classes, batch()['labels'])
  given = cascade_psp_recipe.before(found)
  np.testing.assert_array_equal(given, batch()['masks'])


class Bright(nn.Module):
  """Finds what is bright, or what is dark, as the mask is."""

  @nn.compact
  def __call__(self, images, masks, coarse=None, *, train=False):
    full = self.param('slope', nn.initializers.ones, ()) * images[..., 0]
    full *= jnp.sign((full * masks).mean((1, 2), keepdims=True))
    return Looks(full, (full, full), (full, full))


def test_it_corrects_finished_maps_as_a_filter_does():
  trained = dataclasses.replace(corrector(), module=Bright())
  variables = {'params': {'slope': jnp.float32(3)}}
  as_filter = correctors.of_variables('cascade_psp', trained, variables, 3)
  image = np.zeros((30, 40, 3), np.uint8)
  image[8:20, 10:30] = 255
  maps = np.zeros((30, 40, 3), np.float32)
  maps[..., 0] = 1
  maps[8:20, 10:27] = [0, 0.1, 0.9]
  as_filter.check({})
  as_filter.warm_up((30, 40))
  found = as_filter.apply(image, maps)
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)
  np.testing.assert_array_equal(found[8:20, 10:29].argmax(-1), 2)
  assert as_filter.start == 'patch' and as_filter.bands is None


@pytest.mark.parametrize(
  ('settings', 'said'),
  [
    ({'trunk': 'vgg'}, "trunk 'vgg': unknown; choose one of resnet18"),
    ({'stuff': (0, 3)}, r'stuff \[0, 3\]: must be indices below the 3'),
    ({'side': 64}, 'side 64 and margin 16: .* enlarge the side'),
    ({'reduction': 0.5}, 'reduction 0.5: must be at least 1, or 0'),
    ({'widths': (4, 4)}, 'must be a list of 3'),
    ({'start': 'magnet'}, "start 'magnet': unknown"),
  ],
)
def test_settings_out_of_range(settings, said):
  with pytest.raises(InputError, match=rf'correctors\.cascade_psp.*{said}'):
    correctors.make('cascade_psp', settings, 3)
