import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import layers, resnet


@pytest.mark.parametrize('kernel', [1, 3, 7])
@pytest.mark.parametrize('stride', [1, 2])
def test_padding_is_symmetric(kernel, stride):
  conv = layers.convolution(1, kernel, stride=stride)
  images = jax.random.normal(jax.random.key(0), (1, 9, 8, 1))
  weights = jax.random.normal(jax.random.key(1), (kernel, kernel))
  margin = kernel // 2
  padded = np.pad(images[0, ..., 0], margin)
  expected = [
    [
      (padded[i : i + kernel, j : j + kernel] * weights).sum()
      for j in range(0, 8, stride)
    ]
    for i in range(0, 9, stride)
  ]
  shape = (1, 1) if kernel == stride == 1 else (kernel, kernel, 1, 1)
  params = {'params': {'kernel': weights.reshape(shape)}}
  np.testing.assert_allclose(
    conv.apply(params, images)[0, ..., 0], expected, atol=1e-5
  )


def test_a_1x1_kernel_is_a_dense_layer():
  conv = layers.convolution(4, 1, use_bias=True)
  shapes = jax.eval_shape(
    lambda: conv.init(jax.random.key(0), jnp.zeros((1, 2, 2, 3)))
  )
  assert shapes['params']['kernel'].shape == (3, 4)
  assert shapes['params']['bias'].shape == (4,)


def test_a_dense_layer_in_bfloat16_adds_up_in_float32():
  """Each result is that of float32, rounded once; and so are gradients."""
  rng = np.random.default_rng(0)
  images = rng.standard_normal((1, 3, 5, 300), np.float32)
  kernel = rng.standard_normal((300, 4), np.float32)
  images, kernel = (jnp.asarray(x, jnp.bfloat16) for x in (images, kernel))
  conv = layers.convolution(4, 1, dtype=jnp.bfloat16)

  def total(kernel):
    found = conv.apply({'params': {'kernel': kernel}}, images)
    assert found.dtype == jnp.bfloat16
    return found.astype(jnp.float32).sum(), found

  gradient, found = jax.grad(total, has_aux=True)(kernel)
  exact = np.einsum(
    'bhwc,cd->bhwd', *(np.asarray(x, np.float64) for x in (images, kernel))
  )
  np.testing.assert_allclose(
    np.asarray(found, np.float64), exact, rtol=2**-8, atol=1e-5
  )
  sums = np.asarray(images, np.float64).sum((0, 1, 2))[:, None]
  np.testing.assert_allclose(
    np.asarray(gradient, np.float64), np.tile(sums, 4), rtol=2**-7, atol=1e-5
  )


@pytest.mark.parametrize('block', [resnet.BasicBlock, resnet.BottleneckBlock])
@pytest.mark.parametrize('stride', [1, 2])
def test_a_block_apart_is_the_block(block, stride):
  rng = np.random.default_rng(0)
  x = jnp.asarray(rng.standard_normal((2, 5, 4, 3)), jnp.float32)

  class Chain(nn.Module):
    apart: bool

    @nn.compact
    def __call__(self, x, *, train=False):
      for i in range(2):
        unit = block(4, stride=stride, name=f'block{i}')
        if self.apart:
          x = layers.compute_apart(unit, x, train=train)
        else:
          x = unit(x, train=train)
      return x

  one, other = Chain(True), Chain(False)
  variables = jax.jit(other.init)(jax.random.key(0), x)
  again = jax.jit(one.init)(jax.random.key(0), x)
  assert jax.tree.all(jax.tree.map(jnp.array_equal, variables, again))
  # Statistics other than 0 and 1, so that they have to be found.
  variables = jax.tree.map(lambda leaf: leaf + 0.1, variables)
  found, wanted = (jax.jit(each.apply)(variables, x) for each in (one, other))
  np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
  for train in (False, True):

    def total(params, module=one, train=train):
      given = {**variables, 'params': params}
      found = module.apply(
        given, x, train=train, mutable=['batch_stats'] if train else False
      )
      return (found[0] if train else found).sum()

    found = jax.jit(jax.grad(total))(variables['params'])
    wanted = jax.jit(jax.grad(lambda p, t=train: total(p, other, t)))(
      variables['params']
    )
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
      found,
      wanted,
    )
