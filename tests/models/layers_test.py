import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import layers


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
