"""EfficientNet-Lite trunks in PyTorch's names, there and back."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.files import checkpoints, trees
from magnet_jax.models import efficientnet_lite
from magnet_jax.types import InputError, Meta
from magnet_jax.weights import (
  conversion,
  torch_states,
  torch_templates,
  torch_weights,
)


def _source(name, network='efficientnet_lite'):
  module = efficientnet_lite.EFFICIENTNETS[name]()
  blank = jnp.zeros((1, 32, 32, 3))
  shapes = jax.eval_shape(module.init, jax.random.key(0), blank)
  flat = {
    key: np.full(leaf.shape, 0.5, np.float32)
    for key, leaf in trees.flatten(shapes).items()
  }
  state = torch_weights.to_torch(trees.unflatten(flat), network)
  return torch_states.Source(pathlib.Path('a.pth'), network, state, '', ())


@pytest.mark.parametrize('name', list(efficientnet_lite.EFFICIENTNETS))
def test_a_lite_trunk_is_known_by_its_blocks(name):
  source = _source(name)
  assert source.kind == 'trunk'
  assert torch_templates.trunk_settings(source) == {'trunk': name}
  assert conversion.class_count([source]) is None


def test_an_unknown_lite_trunk_is_refused():
  source = _source('efficientnet_lite0')
  del source.state['_blocks.3._project_conv.weight']
  with pytest.raises(InputError, match=r'with 15 blocks.*is none of'):
    torch_templates.trunk_settings(source)


def test_a_lite_trunk_becomes_a_checkpoint(tmp_path):
  source = _source('efficientnet_lite0')
  written = conversion.to_trunk(source, tmp_path)
  assert (written.network, written.parameters) == (
    'efficientnet_lite',
    2_958_848,
  )
  variables, meta = checkpoints.load(tmp_path)
  assert meta.section('segmenter') == {'trunk': 'efficientnet_lite0'}
  back = torch_weights.to_torch(
    variables['trunk'], torch_templates.network('trunk', meta)
  )
  assert back.keys() == source.state.keys()


def test_a_segmenter_with_a_lite_trunk_has_names():
  meta = Meta({'segmenter': {'name': 'fpn', 'trunk': 'efficientnet_lite1'}})
  assert torch_templates.network('segmenter', meta) == 'fpn_lite'
