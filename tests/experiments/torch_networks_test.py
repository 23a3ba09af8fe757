"""Each network gives the same result as its PyTorch counterpart."""

import functools

import jax
import networks
from networks import Network
import numpy as np
import pytest

from magnet_jax.evaluate import random_model
from magnet_jax.models import hrnet
from magnet_jax.weights import torch_weights

torch = pytest.importorskip(
  'torch', reason="PyTorch is missing: pip install 'magnet-jax[convert]'"
)
from torch_forward import TorchForward  # noqa: E402
import torch_networks  # noqa: E402

_SIZE = (37, 50)
_RESNET = {'trunk': 'resnet18', 'width': 4}
_FPN = {**_RESNET, 'pyramid': 8, 'head': 4}
_PSP = {**_RESNET, 'features': 8, 'head': (8, 4, 4)}
_CONTEXT = {'width': 4, 'stem_width': 4, 'features': 8, 'keys': 4}
_DEEPLAB = {'trunk': 'resnet50', 'width': 2, 'features': 8}
_FEW = {'blocks': (1, 1), 'modules': (1, 1, 1)}
NARROW = {
  'fpn': Network(3, _SIZE, {'name': 'fpn', **_FPN}, 'fpn', 'fpn', _FPN),
  'psp': Network(3, _SIZE, {'name': 'pspnet', **_PSP}, 'psp', 'pspnet', _PSP),
  'hrnet': Network(
    3,
    _SIZE,
    {'name': 'hrnet_ocr', 'trunk': 'few', **_CONTEXT},
    'hrnet',
    'hrnet_ocr',
    {**_CONTEXT, **_FEW},
  ),
  'deeplab': Network(
    3, _SIZE, {'name': 'deeplab', **_DEEPLAB}, 'deeplab', 'deeplab', _DEEPLAB
  ),
  'unet': Network(
    3, _SIZE, {'name': 'unet', 'width': 4}, 'unet', 'unet', {'width': 4}
  ),
  'refiner': Network(3, _SIZE, None, 'refiner', 'refiner'),
}


@pytest.fixture(autouse=True)
def one_thread():
  """Its threads wait for each other, long where other programs run."""
  threads = torch.get_num_threads()
  torch.set_num_threads(1)
  yield
  torch.set_num_threads(threads)


@pytest.fixture
def few_modules(monkeypatch):
  """A trunk with one module of each kind, to compile less."""
  few = functools.partial(
    hrnet.HRNet, stem_blocks=1, modules=(1, 1, 1), blocks=1
  )
  monkeypatch.setitem(hrnet.HRNETS, 'few', few)


@pytest.mark.parametrize('name', NARROW)
def test_same_logits(name, few_modules):
  network = NARROW[name]
  apply, variables = networks.with_weights(network, 'float32')
  twin = TorchForward(
    network.other,
    {'num_classes': network.num_classes, **network.other_settings},
    torch_weights.to_torch(variables, network.names),
  )
  rng = np.random.default_rng(0)
  maps = [rng.standard_normal(shape, np.float32) for shape in network.shapes(2)]
  twin.place(*maps)
  ours = np.asarray(jax.jit(apply)(variables, *maps))
  theirs = twin.logits()
  assert theirs.shape == (2, *_SIZE, 3)
  assert np.abs(ours - theirs).max() < 1e-3 * np.ptp(ours)


def _empty(_, module, *arrays, **named):
  """Variables of the right shapes, sooner than random ones."""
  shapes = jax.eval_shape(module.init, jax.random.key(0), *arrays, **named)
  return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)


@pytest.mark.parametrize('name', networks.NETWORKS)
def test_published_networks_have_the_same_parameters(name, monkeypatch):
  """The shapes of all, though only the narrow ones are computed."""
  monkeypatch.setattr(random_model, 'weights', _empty)
  network = networks.NETWORKS[name]
  _, variables = networks.with_weights(network, 'float32')
  state = torch_weights.to_torch(variables, network.names)
  with torch.device('meta'):
    twin = torch_networks.NETWORKS[network.other](
      num_classes=network.num_classes, **network.other_settings
    )
  theirs = {key: tuple(x.shape) for key, x in twin.state_dict().items()}
  assert theirs == {key: x.shape for key, x in state.items()}
