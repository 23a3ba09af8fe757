import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import build
from magnet_jax.models.refiner import HALO
from magnet_jax.ops.strips import InStrips


def smooth(kernel, *, m):
  """A 5x5 convolution with zero padding: it looks two rows far."""
  return lax.conv_general_dilated(
    m, kernel, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )


@pytest.mark.parametrize('height', [1, 5, 9, 16, 23, 40])
@pytest.mark.parametrize('pixels', [1, 14, 49, 70, 10_000])
def test_strips_change_nothing(height, pixels):
  rng = np.random.default_rng(height)
  kernel = rng.standard_normal((5, 5, 2, 3)).astype(np.float32)
  maps = rng.standard_normal((2, height, 7, 2)).astype(np.float32)
  expected = smooth(kernel, m=maps)
  found = InStrips(smooth, halo=2, pixels=pixels)(kernel, m=maps)
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_the_refiner_looks_no_farther_than_its_halo():
  network = build.refinement(num_classes=3, width=4)
  rng = np.random.default_rng(0)
  maps = {
    name: jnp.asarray(rng.random((1, 40, 6, 3)), jnp.float32)
    for name in ('scale', 'coarse')
  }
  variables = jax.jit(network.init)(jax.random.key(0), **maps)
  expected = jax.jit(network.apply)(variables, **maps)
  strips = jax.jit(InStrips(network.apply, halo=HALO, pixels=60))
  np.testing.assert_allclose(
    strips(variables, **maps), expected, rtol=1e-4, atol=1e-5
  )
  short = jax.jit(InStrips(network.apply, halo=HALO - 1, pixels=60))
  assert np.abs(short(variables, **maps) - expected).max() > 1e-3
