"""The network of CascadePSP, narrow, and its published size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.metrics import losses, mask_losses
from magnet_jax.models import cascade_psp, resnet


def _network(dtype=jnp.float32):
  trunk = resnet.ResNet((1,), resnet.BasicBlock, width=4, dtype=dtype)
  return cascade_psp.CascadePSP(trunk, 8, (6, 5, 4), hidden=4, dtype=dtype)


def _shapes(network, size=(16, 16), batch=1):
  blank = jnp.zeros((batch, *size, 3)), jnp.zeros((batch, *size))
  return jax.eval_shape(
    lambda: network.init_with_output(jax.random.key(0), *blank)
  )


def _variables():
  rng = np.random.default_rng(0)
  return jax.tree_util.tree_map_with_path(
    lambda path, x: jnp.asarray(
      1 + 0.2 * rng.normal(size=x.shape)
      if path[-1].key in ('scale', 'var')
      else rng.normal(size=x.shape) / np.sqrt(np.prod(x.shape[:-1])),
      jnp.float32,
    ),
    _shapes(_network())[1],
  )


def test_number_of_parameters_is_the_published_one():
  params = _shapes(cascade_psp.CascadePSP())[1]['params']
  assert sum(x.size for x in jax.tree.leaves(params)) == 67_683_433


@pytest.mark.parametrize(
  ('size', 'dtype'), [((1, 1), jnp.float32), ((5, 33), jnp.bfloat16)]
)
def test_logits_of_all_looks_have_the_images_size(size, dtype):
  looks, variables = _shapes(_network(dtype), size, batch=2)
  assert (len(looks.quarters), len(looks.eighths)) == (2, 3)
  for leaf in jax.tree.leaves(looks):
    assert (leaf.shape, leaf.dtype) == ((2, *size), jnp.float32)
  assert {x.dtype for x in jax.tree.leaves(variables)} == {jnp.dtype('float32')}


def test_training_has_finite_gradients_and_statistics():
  network, variables = _network(), _variables()
  rng = np.random.default_rng(0)
  images = rng.normal(size=(2, 16, 16, 3)).astype(np.float32)
  masks = np.sign(rng.normal(size=(2, 16, 16))).astype(np.float32)

  def loss(params):
    looks, state = network.apply(
      {**variables, 'params': params},
      images,
      masks,
      train=True,
      mutable=['batch_stats'],
    )
    return losses.mean_loss(*mask_losses.looks_loss(looks, masks > 0)), state

  gradients, state = jax.jit(jax.grad(loss, has_aux=True))(variables['params'])
  for path, leaf in jax.tree_util.tree_leaves_with_path(gradients):
    assert np.isfinite(np.asarray(leaf)).all(), path
    assert np.abs(np.asarray(leaf)).max() > 0, path
  for old, new in zip(
    jax.tree.leaves(variables['batch_stats']),
    jax.tree.leaves(state['batch_stats']),
    strict=True,
  ):
    assert np.abs(new - old).max() > 0
