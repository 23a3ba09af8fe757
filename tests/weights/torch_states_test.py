"""The kind of a PyTorch file is recognised without PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import build
from magnet_jax.types import InputError
from magnet_jax.weights import torch_files, torch_states, torch_weights


def refiner(classes=3):
  """A small refiner and its state in PyTorch's names."""
  module = build.refinement(num_classes=classes, width=4)
  maps = jnp.zeros((1, 4, 4, classes))
  shapes = jax.eval_shape(
    lambda: module.init(jax.random.key(0), scale=maps, coarse=maps)
  )
  rng = np.random.default_rng(0)
  variables = jax.tree.map(
    lambda x: rng.uniform(0.2, 1, x.shape).astype(np.float32), shapes
  )
  return module, shapes, torch_weights.to_torch(variables, 'refiner')


@pytest.fixture(scope='module')
def state():
  return refiner()[2]


@pytest.fixture
def read(monkeypatch):
  """Reads a file that holds the given state."""

  def run(state, **flags):
    monkeypatch.setattr(torch_files, 'read', lambda _: state)
    return torch_states.read('a.pth', **flags)

  return run


@pytest.mark.parametrize('prefix', ['', 'module.', 'model.', 'module.model.'])
def test_prefixes_are_taken_away(prefix, state, read):
  source = read({prefix + key: array for key, array in state.items()})
  assert source.state.keys() == state.keys()
  assert (source.network, source.kind) == ('refiner', 'refiner')
  assert (source.classes, source.dtype) == (3, 'float32')


def test_the_same_key_twice(state, read):
  twice = state | {'module.conv1.weight': state['conv1.weight']}
  with pytest.raises(
    InputError, match=r'a\.pth: conv1\.weight and module\.conv1\.weight are'
  ):
    read(twice)


def test_another_network_names_the_closest_and_first_keys(state, read):
  extra = {f'extra.{i}.weight': np.zeros(1, np.float32) for i in range(5)}
  with pytest.raises(
    InputError, match=r'extra\.0\.w.* and 2 more .*closest .* is refiner'
  ):
    read(state | extra)
  with pytest.raises(InputError, match='not a checkpoint of the network'):
    read({'blocks.0.attention.weight': np.zeros(1, np.float32)})
  with pytest.raises(
    InputError, match=r'network resnet, which has no bn0.* is refiner'
  ):
    read(state, network='resnet')


def test_a_trunk_loses_its_classifier_only(read):
  zeros = np.zeros((1, 1, 1, 1), np.float32)
  trunk = {'conv1.weight': zeros, 'layer1.0.conv1.weight': zeros}
  source = read(trunk | {'fc.weight': zeros, 'fc.bias': zeros})
  assert source.kind == 'trunk' and source.classes is None
  assert source.dropped == ('fc.weight', 'fc.bias')
  assert source.state.keys() == trunk.keys()


def test_no_classifier(state, read):
  cut = {key: a for key, a in state.items() if key != 'seg_conv.weight'}
  with pytest.raises(InputError, match=r'lacks seg_conv\.weight'):
    assert read(cut).classes


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16', 'float64'])
def test_other_precision_needs_a_word(dtype, state, read):
  other = {
    key: array.astype(jnp.dtype(dtype)) if array.dtype.kind == 'f' else array
    for key, array in state.items()
  }
  with pytest.raises(
    InputError, match=rf'{dtype} \(and 49 more\).*--cast=float32'
  ):
    read(other)
  source = read(other, cast=True)
  assert source.dtype == dtype
  for key, array in source.state.items():
    if array.dtype.kind == 'f':
      assert array.dtype == np.float32
      np.testing.assert_array_equal(array, other[key].astype(np.float32))
  # One weight among float32 is enough.
  mixed = state | {'bn0.bias': other['bn0.bias']}
  with pytest.raises(InputError, match=rf'bn0\.bias is {dtype}:'):
    read(mixed)


def test_weights_that_are_no_numbers_of_a_kind_we_have(state, read):
  odd = state | {'bn0.bias': np.zeros(6, np.complex64)}
  with pytest.raises(InputError, match=r'bn0\.bias is complex64'):
    read(odd, cast=True)
  whole = state | {'bn0.bias': np.zeros(6, np.int8)}
  with pytest.raises(InputError, match=r'bn0\.bias is int8'):
    read(whole, cast=True)


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_not_finite(value):
  bad = {'a': np.zeros(2, np.float32), 'b': np.array([0, value], np.float32)}
  with pytest.raises(InputError, match='b holds NaN or infinity'):
    torch_states.check_finite(bad, 'a.pth')


def test_exchanged_inputs_are_the_maps_in_the_other_order():
  module, shapes, state = refiner()
  other = torch_states.exchange_inputs(state)
  back = torch_states.exchange_inputs(other)
  assert all((back[key] == state[key]).all() for key in state)
  one, two = (
    torch_weights.from_torch(s, 'refiner', shapes)[0] for s in (state, other)
  )
  rng = np.random.default_rng(1)
  a, b = rng.uniform(size=(2, 1, 6, 6, 3)).astype(np.float32)
  run = jax.jit(module.apply)
  found = run(one, scale=a, coarse=b)
  # Sums of the same numbers in another order.
  np.testing.assert_allclose(run(two, scale=b, coarse=a), found, rtol=1e-4)
  assert np.abs(run(two, scale=a, coarse=b) - found).max() > 1e-2
