"""Names and layouts of PyTorch, without PyTorch."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.files import trees
from magnet_jax.models import build, cascade_psp, efficientnet_lite, resnet
from magnet_jax.types import InputError
from magnet_jax.weights import torch_names, torch_states, torch_weights

# Narrow, or shallow: what counts here are the names.
SETTINGS = {
  'fpn': {'trunk': 'resnet50', 'width': 4, 'pyramid': 8, 'head': 4},
  'unet': {'width': 4},
  'pspnet': {'trunk': 'resnet18', 'width': 4, 'features': 8, 'head': (4, 4)},
  'hrnet_ocr': {'width': 4, 'features': 8, 'keys': 4},
  'deeplab': {'trunk': 'resnet18', 'width': 4, 'features': 8},
  'pointrend': {'width': 4, 'pyramid': 8, 'head': 4, 'units': 4},
  'glnet': {'width': 4, 'pyramid': 8, 'head': 4},
}
NETWORKS = (
  'refiner',
  'resnet',
  'efficientnet_lite',
  'fpn_lite',
  'cascade_psp',
  'segfix',
  *build.SEGMENTERS,
)


@functools.cache
def template(name, classes=3):
  """Shapes of a network's variables."""
  if name == 'refiner':
    maps = jnp.zeros((1, 4, 4, classes))
    module = build.refinement(num_classes=classes, width=8)
    init = functools.partial(module.init, scale=maps, coarse=maps)
  elif name == 'cascade_psp':
    trunk = resnet.RESNETS['resnet50'](width=4, output_stride=8)
    module = cascade_psp.CascadePSP(trunk, 8, (4, 4, 4), hidden=4)
    blank = jnp.zeros((1, 32, 32, 3)), jnp.zeros((1, 32, 32))
    init = lambda key: module.init(key, *blank)  # noqa: E731
  else:
    if name == 'resnet':
      module = resnet.RESNETS['resnet50'](width=4)
    elif name == 'efficientnet_lite':
      module = efficientnet_lite.EFFICIENTNETS['efficientnet_lite0']()
    elif name == 'segfix':
      module = build.directions(width=4, head=8)
    elif name == 'fpn_lite':
      lite = {'trunk': 'efficientnet_lite0', 'pyramid': 8, 'head': 4}
      module = build.segmenter(num_classes=classes, **lite)
    else:
      module = build.segmenter(num_classes=classes, name=name, **SETTINGS[name])
    init = lambda key: module.init(key, jnp.zeros((1, 64, 64, 3)))  # noqa: E731
  found = jax.eval_shape(lambda: init(jax.random.key(0)))
  return {kind: found[kind] for kind in ('params', 'batch_stats')}


def network_of(name):
  return torch_names.SEGMENTERS.get(name, name)


@functools.cache
def variables(name):
  """Numbers that are all different, as far as they can be."""
  start = 0
  flat = {}
  for key, leaf in trees.flatten(template(name)).items():
    size = int(np.prod(leaf.shape))
    flat[key] = np.arange(start, start + size, dtype=np.float32)
    flat[key] = flat[key].reshape(leaf.shape)
    start = (start + size) % 2**23
  return trees.unflatten(flat)


def same(one, other):
  assert one.keys() == other.keys()
  for key, array in one.items():
    assert array.dtype == other[key].dtype, key
    assert array.shape == other[key].shape, key
    assert array.tobytes() == other[key].tobytes(), key


@pytest.mark.parametrize('name', NETWORKS)
def test_there_and_back_is_exact(name):
  network = network_of(name)
  state = torch_weights.to_torch(variables(name), network)
  rng = np.random.default_rng(0)
  for key in [k for k in state if k.endswith('num_batches_tracked')]:
    assert state[key] == 0
    state[key] = np.array(rng.integers(2**40), np.int64)
  back, counters = torch_weights.from_torch(state, network, template(name))
  same(trees.flatten(back), trees.flatten(variables(name)))
  same(torch_weights.to_torch(back, network, counters), state)


@pytest.mark.parametrize('name', NETWORKS)
def test_every_module_has_one_row_on_both_sides(name):
  table = torch_names.NAMES[network_of(name)]
  state = torch_weights.to_torch(variables(name), network_of(name))
  sides = (
    {key.rpartition('.')[0] for key in state},
    {
      key.partition('/')[2].rpartition('/')[0]
      for key in trees.flatten(template(name))
    },
  )
  for side, modules in enumerate(sides):
    patterns = [torch_weights.pattern(row[side]) for row in table]
    for module in modules:
      assert sum(bool(p.fullmatch(module)) for p in patterns) == 1, module
  assert len(sides[0]) == len(sides[1])


@pytest.mark.parametrize('name', NETWORKS)
def test_a_network_is_known_by_its_keys(name):
  state = torch_weights.to_torch(variables(name), network_of(name))
  used, strange = torch_weights.match(state, network_of(name))
  assert used and not strange
  assert torch_states.closest(state) == network_of(name)


def test_layouts():
  flat = trees.flatten(variables('refiner'))
  state = torch_weights.to_torch(variables('refiner'), 'refiner')
  ours = flat['params/conv1/kernel']  # [3,3,in,out]
  theirs = state['conv1.weight']  # [out,in,3,3]
  assert theirs.shape == (8, 6, 3, 3)
  assert theirs[5, 4, 2, 1] == ours[2, 1, 4, 5]
  ours = flat['params/residual0/downsample_conv/kernel']  # [in,out]
  theirs = state['residual.0.downsample.0.weight']
  assert theirs.shape == (16, 8, 1, 1)
  assert theirs[9, 7, 0, 0] == ours[7, 9]
  for key, path in {
    'bn1.weight': 'params/bn1/scale',
    'bn1.bias': 'params/bn1/bias',
    'bn1.running_mean': 'batch_stats/bn1/mean',
    'residual.1.bn3.running_var': 'batch_stats/residual1/bn3/var',
  }.items():
    np.testing.assert_array_equal(state[key], flat[path])
  assert state['bn1.num_batches_tracked'].shape == ()


def test_the_point_head_has_convolutions_along_one_axis():
  state = torch_weights.to_torch(variables('pointrend'), 'pointrend')
  ours = trees.flatten(variables('pointrend'))
  prefix = 'sem_seg_head.point_head.'
  assert state[f'{prefix}fc1.weight'].shape == (4, 8 + 3, 1)
  kernel = ours['params/point_head/fc1/kernel']
  np.testing.assert_array_equal(state[f'{prefix}fc1.weight'][..., 0], kernel.T)
  key = 'backbone.fpn_lateral5.weight'
  assert state[key].shape == (8, 128, 1, 1)
  for key in (
    'backbone.bottom_up.stem.conv1.norm.running_var',
    'backbone.bottom_up.res2.0.shortcut.weight',
    'backbone.bottom_up.res5.2.conv3.norm.bias',
    'sem_seg_head.coarse_sem_seg_head.p5.4.norm.weight',
    'sem_seg_head.coarse_sem_seg_head.predictor.bias',
  ):
    assert key in state
  state[f'{prefix}fc1.weight'] = state[f'{prefix}fc1.weight'][..., None]
  with pytest.raises(InputError, match=r'needs \[4, 11, 1\]'):
    torch_weights.from_torch(state, 'pointrend', template('pointrend'))


def test_the_slope_of_a_prelu(monkeypatch):
  table = (('up.{i}', 'up{i}/prelu'),)
  monkeypatch.setitem(torch_names.NAMES, 'slopes', table)
  ours = {
    'params': {'up1': {'prelu': {'negative_slope': np.float32(0.25)}}},
    'batch_stats': {},
  }
  state = torch_weights.to_torch(ours, 'slopes')
  same(state, {'up.1.weight': np.array([0.25], np.float32)})
  back, counters = torch_weights.from_torch(state, 'slopes', ours)
  assert back['params']['up1']['prelu']['negative_slope'].shape == ()
  assert not counters


# As `len(torchvision.models.resnet50().state_dict())`, without fc.
@pytest.mark.parametrize(
  ('name', 'count'), [('resnet18', 120), ('resnet50', 318)]
)
def test_number_of_keys_is_torchvisions(name, count):
  module = resnet.RESNETS[name](width=1)
  shapes = jax.eval_shape(
    lambda: module.init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
  )
  arrays = jax.tree.map(lambda x: np.zeros(x.shape, np.float32), shapes)
  state = torch_weights.to_torch(arrays, 'resnet')
  assert len(state) == count
  assert state['conv1.weight'].shape == (1, 3, 7, 7)
  for key in (
    'layer1.0.bn2.running_var',
    'layer4.1.conv2.weight',
    'layer3.0.downsample.1.num_batches_tracked',
  ):
    assert key in state


def refiner_state():
  return torch_weights.to_torch(variables('refiner'), 'refiner')


def convert(state):
  return torch_weights.from_torch(
    state, 'refiner', template('refiner'), name='a.pth'
  )


def test_missing_and_left_over_keys():
  state = refiner_state()
  del state['seg_conv.weight'], state['bn1.bias']
  with pytest.raises(InputError, match=r'a\.pth: lacks bn1\.bias, seg_conv'):
    convert(state)
  extra = refiner_state() | {f'tail.{i}.weight': np.zeros(1) for i in range(9)}
  with pytest.raises(InputError, match=r'tail\.0.*tail\.2.* and 6 more have'):
    convert(extra)
  state = refiner_state()
  del state['bn2.num_batches_tracked']
  with pytest.raises(InputError, match=r'lacks bn2\.num_batches_tracked'):
    convert(state)


def test_files_of_old_pytorch_have_no_counters():
  state = {k: a for k, a in refiner_state().items() if 'num_batches' not in k}
  back, counters = convert(state)
  assert counters == {}
  same(torch_weights.to_torch(back, 'refiner', counters), state)


@pytest.mark.parametrize(
  ('key', 'shape', 'words'),
  [
    ('conv1.weight', (8, 6, 5, 5), r'conv1\.weight has shape \[8, 6, 5, 5\]'),
    ('seg_conv.weight', (3, 16), r'needs \[3, 16, 1, 1\]'),
    ('bn1.weight', (), r'needs \[8\]'),
    ('bn1.num_batches_tracked', (2,), 'one whole number'),
  ],
)
def test_other_shapes(key, shape, words):
  state = refiner_state()
  state[key] = np.zeros(shape, state[key].dtype)
  with pytest.raises(InputError, match=words):
    convert(state)


def test_variables_without_a_name():
  ours = variables('refiner')
  with pytest.raises(InputError, match=r'params/bn0/bias.* more: no name'):
    torch_weights.to_torch(ours, 'fpn')
  with pytest.raises(InputError, match='bn9'):
    torch_weights.to_torch(ours, 'refiner', {'bn9.num_batches_tracked': 1})


def test_few_names_are_listed_whole():
  assert torch_weights.listed('abc') == 'a, b, c'
  assert torch_weights.listed('abcde') == 'a, b, c and 2 more'
