"""The head of object context in strips, as CPUs compute it, and whole."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import hrnet, ocr


def _network():
  trunk = hrnet.HRNet(4, stem_blocks=1, modules=(1,), blocks=1, stem_width=4)
  module = ocr.OCR(trunk, 3, features=8, keys=4)
  images = jax.random.normal(jax.random.key(1), (2, 18, 16, 3))
  variables = module.init(jax.random.key(0), images)
  # Other statistics than 0 and 1, so that all of them have to be found.
  variables = jax.tree.map(lambda leaf: leaf + 0.1, variables)
  return module, variables, images


@pytest.mark.parametrize('pixels', [1, 16, 50, 100])
def test_strips_do_not_show(pixels, monkeypatch):
  module, variables, images = _network()
  whole, found = module.apply(variables, images, features=True)
  assert found['fused'].shape == (2, 18, 16, 8)
  monkeypatch.setattr(ocr, '_PIXELS', pixels)
  np.testing.assert_allclose(
    module.apply(variables, images), whole, atol=1e-5 * np.ptp(whole)
  )


def test_a_cpu_loops_over_strips_and_an_accelerator_does_not(monkeypatch):
  module, variables, images = _network()
  monkeypatch.setattr(ocr, '_PIXELS', 16)

  def text(platform):
    program = jax.export.export(jax.jit(module.apply), platforms=[platform])
    return program(variables, images).mlir_module()

  assert 'stablehlo.while' in text('cpu')
  assert 'stablehlo.while' not in text('cuda')


def test_where_there_is_no_cpu_the_head_is_traced_once(monkeypatch):
  module, variables, images = _network()
  monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
  jax.clear_caches()  # which hold layers as traced for a CPU
  traced = str(jax.make_jaxpr(module.apply)(variables, images))
  assert 'platform_index' not in traced and 'scan' not in traced


def test_layers_keep_their_places():
  variables = _network()[1]
  assert {*ocr._LAYERS} < {*variables['params']}
  assert jnp.shape(variables['params']['classify']['kernel']) == (8, 3)
