"""The gate of scale attention, and the features that it sees."""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import build
from magnet_jax.models.gate import Gate, make_gate
from magnet_jax.types import InputError

CLASSES = 3


def _pooled(maps, rows, columns):
  """Means over parts that cover the map, pixel by pixel."""
  height, width, channels = maps.shape
  found = np.zeros((rows, columns, channels))
  for i, j in np.ndindex(rows, columns):
    top, bottom = i * height // rows, math.ceil((i + 1) * height / rows)
    left, right = j * width // columns, math.ceil((j + 1) * width / columns)
    found[i, j] = maps[top:bottom, left:right].mean((0, 1))
  return found


def _reference(params, features, scale, coarse, pool):
  """The gate before it is enlarged, by loops."""
  rows, columns = (math.ceil(n / pool) for n in features.shape[:2])
  seen = _pooled(features, rows, columns)
  seen = (seen - seen.mean(-1, keepdims=True)) / np.sqrt(
    seen.var(-1, keepdims=True) + 1e-6
  )
  seen = seen * params['norm']['scale'] + params['norm']['bias']
  maps = (_pooled(each, rows, columns) for each in (scale, coarse))
  x = np.concatenate([seen, *maps], -1)
  padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
  found = np.zeros((rows, columns))
  for i, j in np.ndindex(rows, columns):
    part = padded[i : i + 3, j : j + 3]
    hidden = np.tensordot(part, params['look']['kernel'], 3)
    hidden = np.maximum(hidden + params['look']['bias'], 0)
    found[i, j] = (hidden @ params['decide']['kernel'])[0]
  return found + params['decide']['bias'][0]


def test_the_formula():
  module = Gate(pool=2, width=4)
  rng = np.random.default_rng(0)
  features = rng.normal(1, 3, (1, 5, 6, 7)).astype(np.float32)
  scale, coarse = rng.random((2, 1, 12, 12, CLASSES), np.float32)
  run = jax.jit(module.apply)
  given = {'fused': features}
  variables = module.init(jax.random.key(0), given, scale=scale, coarse=coarse)
  np.testing.assert_array_equal(
    run(variables, given, scale=scale, coarse=coarse), 0
  )
  drawn = jax.tree.map(
    lambda leaf: rng.normal(0, 1, leaf.shape).astype(np.float32), variables
  )
  found = run(drawn, given, scale=scale, coarse=coarse)
  assert found.shape == (1, 12, 12) and found.dtype == jnp.float32
  small = _reference(drawn['params'], features[0], scale[0], coarse[0], 2)
  # Bilinear, between the centres of 3 values for 12 pixels.
  places = ((np.arange(12) + 0.5) / 4 - 0.5).clip(0, 2)
  low = np.floor(places).astype(int)
  high, part = np.minimum(low + 1, 2), places - low
  rows = small[low] * (1 - part[:, None]) + small[high] * part[:, None]
  wanted = rows[:, low] * (1 - part) + rows[:, high] * part
  np.testing.assert_allclose(found[0], wanted, atol=1e-4)


SMALL = {
  'fpn': {'trunk': 'resnet18', 'width': 4, 'pyramid': 8, 'head': 4},
  'unet': {'width': 4, 'levels': 1},
  'pspnet': {'trunk': 'resnet18', 'width': 4, 'features': 8, 'head': (8, 4, 4)},
  'deeplab': {'trunk': 'resnet18', 'width': 4, 'features': 8},
  'hrnet_ocr': {'features': 16, 'keys': 8},
  'pointrend': {'trunk': 'resnet18', 'width': 4, 'pyramid': 8, 'head': 4},
  'glnet': {'trunk': 'resnet18', 'width': 4, 'pyramid': 8, 'head': 4},
}


@pytest.mark.parametrize('name', SMALL)
def test_every_segmenter_has_features(name):
  module = build.segmenter(num_classes=CLASSES, name=name, **SMALL[name])
  gate, init = make_gate(module, (64, 64), CLASSES)
  variables = jax.eval_shape(init, jax.random.key(0))
  pixels = jnp.zeros((1, 64, 64, 3))
  (logits, features), _ = jax.eval_shape(
    functools.partial(module.init_with_output, features=True),
    jax.random.key(0),
    pixels,
  )
  assert logits.shape == (1, 64, 64, CLASSES)
  # The gate has one value per 8x8 pixels, whatever the features' stride.
  assert math.ceil(features['fused'].shape[1] / gate.pool) == 8
  kernel = variables['params']['look']['kernel']
  assert kernel.shape[2] == features['fused'].shape[-1] + 2 * CLASSES


def test_features_leave_the_logits_alone():
  module = build.segmenter(num_classes=CLASSES, name='unet', **SMALL['unet'])
  pixels = np.random.default_rng(0).random((1, 16, 16, 3), np.float32)
  variables = jax.jit(module.init)(jax.random.key(0), pixels)
  logits = jax.jit(module.apply)(variables, pixels)
  run = jax.jit(functools.partial(module.apply, features=True))
  again, features = run(variables, pixels)
  np.testing.assert_allclose(again, logits, atol=1e-6)
  assert features['fused'].shape == (1, 16, 16, 4)


class Plain(nn.Module):
  """Logits only."""

  @nn.compact
  def __call__(self, images, *, train=False):
    return nn.Dense(CLASSES)(images)


class Odd(nn.Module):
  """Features by another name."""

  @nn.compact
  def __call__(self, images, *, train=False, features=False):
    logits = nn.Dense(CLASSES)(images)
    return (logits, {'mine': logits}) if features else logits


@pytest.mark.parametrize(
  ('module', 'words'),
  [(Plain(), 'Plain returns no features'), (Odd(), 'fused')],
)
def test_a_segmenter_without_features(module, words):
  with pytest.raises(InputError, match=words) as caught:
    make_gate(module, (16, 16), CLASSES)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  ('network', 'features', 'pool'),
  [
    ((256, 256), (64, 64), 2),
    ((306, 306), (153, 153), 3),  # 4 would leave a part of another size
    ((250, 250), (125, 125), 5),
    ((94, 94), (47, 47), 4),  # nothing near divides it
    ((32, 32), (2, 2), 1),
  ],
)
def test_parts_of_equal_size_where_these_are_near(network, features, pool):
  class Strided(nn.Module):
    @nn.compact
    def __call__(self, images, *, train=False, features=False):
      return (images, {'fused': jnp.zeros((1, *size, 4))})

  size = features
  gate, _ = make_gate(Strided(), network, CLASSES)
  assert gate.pool == pool
