"""The network of CascadePSP, narrow, and its published size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import cascade_psp, resnet


def _network(dtype=jnp.float32, prior=False):
  trunk = resnet.ResNet((1,), resnet.BasicBlock, width=4, dtype=dtype)
  return cascade_psp.CascadePSP(trunk, 8, (6, 5, 4), 4, prior, dtype)


def _shapes(network, size=(16, 16), batch=1):
  blank = jnp.zeros((batch, *size, 3)), jnp.zeros((batch, *size))
  return jax.eval_shape(
    lambda: network.init_with_output(jax.random.key(0), *blank)
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


def test_a_prior_adds_the_masks_to_the_last_look():
  images = jnp.ones((1, 8, 8, 3))
  masks = jnp.linspace(-1, 1, 64, dtype=jnp.float32).reshape(1, 8, 8)
  network = _network(prior=True)
  variables = jax.jit(network.init)(jax.random.key(0), images, masks)
  # All layers at 0 leave what was added.
  nothing = jax.tree.map(jnp.zeros_like, variables)
  looks = jax.jit(network.apply)(nothing, images, masks)
  for leaf in jax.tree.leaves(looks):
    np.testing.assert_allclose(leaf, cascade_psp.PRIOR * masks)
