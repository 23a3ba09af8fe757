"""Initial weights are those of He et al., and not drawn where none are used."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import build, initial


@pytest.mark.parametrize('gain', [1.0, 0.1])
def test_weights_are_those_of_he(gain):
  shape = (3, 3, 8, 16)
  draw = nn.initializers.variance_scaling(
    2.0 * gain**2, 'fan_in', 'truncated_normal'
  )
  np.testing.assert_array_equal(
    initial.he(gain)(jax.random.key(1), shape), draw(jax.random.key(1), shape)
  )


def _module():
  return build.segmenter(num_classes=3, name='unet', width=4, levels=1)


def test_given_weights_are_used_and_none_is_drawn():
  module, images = _module(), jnp.ones((1, 8, 8, 3))
  variables = jax.jit(module.init)(jax.random.key(0), images)
  wanted = jax.make_jaxpr(module.apply)(variables, images)
  run = initial.weights_given(module.apply)
  found = jax.make_jaxpr(run)(variables, images)
  assert str(found) == str(wanted)
  assert run.__wrapped__ == module.apply
  # Outside of it, weights are drawn as ever.
  again = jax.jit(_module().init)(jax.random.key(0), images)
  assert jax.tree.all(jax.tree.map(jnp.array_equal, again, variables))


def test_shapes_of_given_weights_are_compared():
  module, images = _module(), jnp.ones((1, 8, 8, 3))
  variables = jax.jit(module.init)(jax.random.key(0), images)
  wrong = jax.tree.map(lambda x: jnp.concatenate([x, x], axis=-1), variables)
  with pytest.raises(Exception, match='shape'):
    initial.weights_given(module.apply)(wrong, images)


def test_shapes():
  module = _module()
  images = np.zeros((1, 8, 8, 3), np.float32)
  wanted = jax.eval_shape(module.init, jax.random.key(0), images)
  found = initial.shapes(module.init, images=images)
  assert found == wanted
  # What it has traced is not what draws weights later.
  drawn = jax.jit(module.init)(jax.random.key(0), images)
  kernels = [x for x in jax.tree.leaves(drawn['params']) if x.ndim == 4]
  assert all(float(jnp.abs(x).max()) > 0 for x in kernels)
