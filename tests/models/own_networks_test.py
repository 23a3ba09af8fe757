"""Networks of the user's own modules, named in a config."""

import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import build
from magnet_jax.types import InputError

MODULE = """
  from typing import Literal

  import flax.linen as nn
  import jax.numpy as jnp

  number = 3

  class Plain(nn.Module):
    num_classes: int
    width: int = 4
    sizes: tuple[int, ...] = (3,)
    kind: Literal['relu', 'tanh'] = 'relu'

    @nn.compact
    def __call__(self, images, *, train=False):
      x = images
      for size in self.sizes:
        x = getattr(nn, self.kind)(nn.Conv(self.width, (size, size))(x))
      return nn.Dense(self.num_classes)(x)

  class Counted(nn.Module):
    classes: int
    dtype: object = jnp.float32

    @nn.compact
    def __call__(self, images, *, train=False):
      x = nn.BatchNorm(use_running_average=not train)(images)
      self.sow('intermediates', 'normed', x)
      logits = nn.Dense(self.classes, dtype=self.dtype)(x)
      return logits.astype(jnp.float32)

  def made(num_classes, wide=False):
    return Plain(num_classes, width=8 if wide else 4)

  def text(num_classes):
    return 'no module'

  class Halved(Plain):
    def __call__(self, images, *, train=False):
      return super().__call__(images)[:, ::2, ::2]

  class Broken(Plain):
    def __call__(self, images, *, train=False):
      return jnp.zeros(3) + jnp.zeros(4)

  class NoTrain(nn.Module):
    num_classes: int

    @nn.compact
    def __call__(self, images):
      return nn.Dense(self.num_classes)(images)

  class NoCount(nn.Module):
    @nn.compact
    def __call__(self, images, *, train=False):
      return images
"""
NAME = 'own_nets_of_models'


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
  """The current folder, with the module in it."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(sys, 'path', list(sys.path))
  (tmp_path / f'{NAME}.py').write_text(textwrap.dedent(MODULE))


def _shapes(name, **settings):
  module = build.segmenter(num_classes=3, name=f'{NAME}:{name}', **settings)
  return build.shapes(module, (8, 6), 3)


def test_a_class_takes_settings_of_a_config():
  shapes = _shapes('Plain', width=5, sizes=[1, 3], kind='tanh')
  assert set(shapes) == {'params'}
  kernels = [shapes['params'][f'Conv_{i}']['kernel'].shape for i in (0, 1)]
  assert kernels == [(1, 1, 3, 5), (3, 3, 5, 5)]


def test_a_function_may_return_the_module():
  assert _shapes('made', wide=True) == _shapes('Plain', width=8)


def test_classes_dtype_and_what_is_sown():
  assert set(_shapes('Counted')) == {'params', 'batch_stats'}
  module = build.segmenter(
    num_classes=3, name=f'{NAME}:Counted', dtype='bfloat16'
  )
  assert module.dtype == jnp.bfloat16
  variables = module.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
  assert set(build.trained(variables)) == {'params', 'batch_stats'}
  logits = module.apply(variables, np.ones((1, 8, 8, 3), np.float32))
  assert logits.shape == (1, 8, 8, 3)


@pytest.mark.parametrize(
  ('name', 'settings', 'words'),
  [
    ('missing_module:Net', {}, r'cannot be imported \(ModuleNotFoundError'),
    (f'{NAME}:Nothing', {}, "has no class 'Nothing'"),
    (f'{NAME}:number', {}, "has no class 'number'"),
    (f'{NAME}:', {}, 'write package.module:class'),
    (f'{NAME}:text', {}, 'makes a str; must be a flax.linen.Module'),
    (f'{NAME}:NoTrain', {}, r'write __call__\(self, images, \*, train=False'),
    (f'{NAME}:NoCount', {}, 'has no parameter num_classes'),
    (f'{NAME}:Plain', {'dtype': 'bfloat16'}, 'Plain has no parameter dtype'),
    (f'{NAME}:Plain', {'depth': 2}, 'segmenter.depth: .*kind, sizes, width'),
    (f'{NAME}:Plain', {'width': 'wide'}, 'segmenter.width is .wide.*whole'),
    (f'{NAME}:Plain', {'sizes': [3, 'x']}, r'segmenter.sizes\[1\] is .x'),
    (f'{NAME}:Plain', {'kind': 'gelu'}, 'kind.*must be one of relu, tanh'),
  ],
)
def test_what_is_refused_when_it_is_built(name, settings, words):
  with pytest.raises(InputError, match=words) as caught:
    build.segmenter(num_classes=3, name=name, **settings)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  ('name', 'words'),
  [
    ('Halved', r'Halved: maps images \[1, 8, 6, 3\] to \[1, 4, 3, 3\]: must'),
    ('Broken', r'Broken: cannot be run on images \[1, 8, 6, 3\] \(TypeError'),
  ],
)
def test_what_is_refused_when_it_is_tried(name, words):
  with pytest.raises(InputError, match=words) as caught:
    _shapes(name)
  assert '\n' not in str(caught.value)
