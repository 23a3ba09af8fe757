"""All names and shapes of the published files, by the rules of their code.

Written from the model definitions that `torch_names` lists, not from its
tables. Arrays are of one byte, as only their names and shapes matter.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import build
from magnet_jax.weights import segfix_template, torch_states, torch_weights

BN = ('weight', 'bias', 'running_mean', 'running_var')


def conv(name, out, inputs, kernel, *, bias=False, axes=2):
  """A convolution's arrays: (name, shape) each."""
  yield f'{name}.weight', (out, inputs, *[kernel] * axes)
  if bias:
    yield f'{name}.bias', (out,)


def norm(name, features, *, counted=True):
  for part in BN:
    yield f'{name}.{part}', (features,)
  if counted:
    yield f'{name}.num_batches_tracked', ()


def pair(name, out, inputs, kernel):
  """A sequence of a convolution and its normalisation."""
  yield from conv(f'{name}.0', out, inputs, kernel)
  yield from norm(f'{name}.1', out)


def block(name, out, inputs, features):
  """A bottleneck: 1x1, 3x3, 1x1."""
  sizes = ((features, inputs, 1), (features, features, 3), (out, features, 1))
  for i, (to, of, kernel) in enumerate(sizes, start=1):
    yield from conv(f'{name}.conv{i}', to, of, kernel)
    yield from norm(f'{name}.bn{i}', to)
  if out != inputs:
    yield from pair(f'{name}.downsample', out, inputs, 1)


def resnet50(name):
  yield from conv(f'{name}.conv1', 64, 3, 7)
  yield from norm(f'{name}.bn1', 64)
  inputs = 64
  for level, count in enumerate((3, 4, 6, 3), start=1):
    features = 32 * 2**level
    for i in range(count):
      each = f'{name}.layer{level}.{i}'
      yield from block(each, 4 * features, inputs, features)
      inputs = 4 * features


def hrnet48(name):
  yield from conv(f'{name}.conv1', 64, 3, 3)
  yield from norm(f'{name}.bn1', 64)
  yield from conv(f'{name}.conv2', 64, 64, 3)
  yield from norm(f'{name}.bn2', 64)
  for i in range(4):
    yield from block(f'{name}.layer1.{i}', 256, 256 if i else 64, 64)
  yield from pair(f'{name}.transition1.0', 48, 256, 3)
  yield from pair(f'{name}.transition1.1.0', 96, 256, 3)
  yield from pair(f'{name}.transition2.2.0', 192, 96, 3)
  yield from pair(f'{name}.transition3.3.0', 384, 192, 3)
  for stage, count in ((2, 1), (3, 4), (4, 3)):
    for i in range(count):
      yield from exchange(f'{name}.stage{stage}.{i}', stage)


def exchange(name, branches):
  widths = [48 * 2**i for i in range(branches)]
  for i, width in enumerate(widths):
    for j in range(4):
      for k in (1, 2):
        yield from conv(f'{name}.branches.{i}.{j}.conv{k}', width, width, 3)
        yield from norm(f'{name}.branches.{i}.{j}.bn{k}', width)
  for i, to in enumerate(widths):
    for j, of in enumerate(widths):
      fuse = f'{name}.fuse_layers.{i}.{j}'
      if j > i:
        yield from pair(fuse, to, of, 1)
      for k in range(i - j):
        last = k == i - j - 1
        yield from pair(f'{fuse}.{k}', to if last else of, of, 3)


def segfix():
  yield from hrnet48('backbone')
  for head, outputs in (('dir_head', 8), ('mask_head', 2)):
    yield from conv(f'{head}.0', 256, 15 * 48, 1)
    yield from norm(f'{head}.1.0', 256)
    yield from conv(f'{head}.2', outputs, 256, 1)


def pyramid(name, fold, ending=''):
  """What GLNet's three pyramids have in common."""
  for i, inputs in enumerate((2048, 1024, 512, 256)):
    layer = f'latlayer{i}' if i else 'toplayer'
    layer = f'{name}.{layer}{ending}'
    yield from conv(layer, 256, fold * inputs, 1, bias=True)
  for j, features in ((1, 256), (2, 128)):
    for i in range(1, 5):
      layer = f'{name}.smooth{i}_{j}{ending}'
      yield from conv(layer, features, fold * 256, 3, bias=True)


def glnet(classes=7):
  yield from resnet50('resnet_global')
  yield from resnet50('resnet_local')
  yield from pyramid('fpn_global', 1)
  yield from pyramid('fpn_global', 2, '_ext')
  yield from pyramid('fpn_local', 2)
  for name in ('fpn_global', 'fpn_local'):
    yield from conv(f'{name}.smooth', 512, 1024, 3, bias=True)
    yield from conv(f'{name}.classify', classes, 512, 3, bias=True)
  yield from conv('ensemble_conv', classes, 1024, 3, bias=True)


def frozen(name, out, inputs, kernel):
  """Detectron2's convolution with a frozen normalisation in it."""
  yield from conv(name, out, inputs, kernel)
  yield from norm(f'{name}.norm', out, counted=False)


def pointrend(classes=19):
  below = 'backbone.bottom_up'
  yield from frozen(f'{below}.stem.conv1', 64, 3, 7)
  inputs = 64
  for level, count in enumerate((3, 4, 23, 3), start=2):
    features = 16 * 2**level
    for i in range(count):
      name = f'{below}.res{level}.{i}'
      yield from frozen(f'{name}.conv1', features, inputs, 1)
      yield from frozen(f'{name}.conv2', features, features, 3)
      yield from frozen(f'{name}.conv3', 4 * features, features, 1)
      if i == 0:
        yield from frozen(f'{name}.shortcut', 4 * features, inputs, 1)
      inputs = 4 * features
    yield from conv(f'backbone.fpn_lateral{level}', 256, inputs, 1, bias=True)
    yield from conv(f'backbone.fpn_output{level}', 256, 256, 3, bias=True)
  head = 'sem_seg_head.coarse_sem_seg_head'
  for level in (2, 3, 4, 5):
    for j in range(max(1, level - 2)):
      name = f'{head}.p{level}.{2 * j}'
      yield from conv(name, 128, 128 if j else 256, 3)
      yield f'{name}.norm.weight', (128,)
      yield f'{name}.norm.bias', (128,)
  yield from conv(f'{head}.predictor', classes, 128, 1, bias=True)
  head = 'sem_seg_head.point_head'
  for i in (1, 2, 3):
    seen = 256 if i > 1 else 256 + classes  # the coarse logits, once
    yield from conv(f'{head}.fc{i}', 256, seen, 1, bias=True, axes=1)
  yield from conv(f'{head}.predictor', classes, 256, 1, bias=True, axes=1)


def templates(network, source):
  if network == 'segfix':
    return segfix_template.of_file(source)[1]
  settings = {'glnet': {}, 'pointrend': {'trunk': 'resnet101'}}[network]
  module = build.segmenter(num_classes=source.classes, name=network, **settings)
  found = jax.eval_shape(
    lambda: module.init(jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
  )
  return {kind: found[kind] for kind in ('params', 'batch_stats')}


@pytest.mark.parametrize(
  ('network', 'rule', 'tensors', 'parameters'),
  [
    ('segfix', segfix, 1844, 65_697_344),
    ('glnet', glnet, 718, 79_200_917),
    ('pointrend', pointrend, 567, 47_677_926),
  ],
)
def test_every_published_name_and_shape(network, rule, tensors, parameters):
  listed = dict(rule())
  rng = np.random.default_rng(0)
  state = {
    key: rng.integers(100, size=shape, dtype=np.int8)
    for key, shape in listed.items()
  }
  counters = {key for key in state if key.endswith('num_batches_tracked')}
  trained = sum(
    array.size
    for key, array in state.items()
    if not key.endswith(('running_mean', 'running_var')) and key not in counters
  )
  assert (len(state), trained) == (tensors, parameters)
  assert torch_states.closest(state) == network
  source = torch_states.Source(None, network, state, 'float32', ())
  variables, counts = torch_weights.from_torch(
    state, network, templates(network, source)
  )
  assert counts.keys() == counters
  back = torch_weights.to_torch(variables, network, counts)
  assert back.keys() == state.keys()
  for key, array in back.items():
    assert array.shape == listed[key], key
    assert array.tobytes() == state[key].tobytes() or key in counters, key
