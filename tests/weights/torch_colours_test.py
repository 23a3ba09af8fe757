"""Published networks are shown the colours that they were trained on."""

import pathlib
import pickle

import numpy as np
import pytest
from torch_weights_test import SETTINGS, template, variables

from magnet_jax.files import checkpoints
from magnet_jax.models import segfix
from magnet_jax.ops import normalise
from magnet_jax.predict import correctors
from magnet_jax.types import ClassTable, InputError, Meta
from magnet_jax.weights import (
  conversion,
  torch_colours,
  torch_files,
  torch_notes,
  torch_states,
  torch_weights,
)

CAFFE = {'colours': 'caffe', 'stride_first': True}
RED_FIRST = {'colours': 'normalised', 'stride_first': False}
CLASSES = ClassTable(tuple('abc'), ((0, 0, 0),) * 3)
CONFIG = {'segmenter': {'name': 'pointrend', **SETTINGS['pointrend']}}


def _keys(mean, std):
  given = {'pixel_mean': mean, 'pixel_std': std}
  return {
    key: np.array(row, np.float32).reshape(3, 1, 1)
    for key, row in given.items()
  }


def test_what_a_file_says():
  red_first = _keys([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
  caffe = _keys([103.53, 116.28, 123.675], [1, 1, 1])
  for arrays, wanted in (({}, CAFFE), (caffe, CAFFE), (red_first, RED_FIRST)):
    assert torch_colours.settings('pointrend', arrays, 'a.pkl') == wanted
  blue = {'colours': 'blue_first'}
  assert torch_colours.settings('segfix', {}, 'a.pth') == blue
  assert torch_colours.settings('fpn', red_first, 'a.pth') == {}
  other = _keys([103.53, 116.28, 123.675], [57.375, 57.12, 58.395])
  with pytest.raises(InputError, match=r'a\.pkl: pixel_mean .*convert anoth'):
    torch_colours.settings('pointrend', other, 'a.pkl')


@pytest.mark.parametrize('network', ['pointrend', 'segfix'])
@pytest.mark.parametrize('colours', sorted(normalise.COLOURS))
def test_what_is_written_is_read_again(network, colours):
  if (network, colours) == ('pointrend', 'blue_first'):
    pytest.skip('is nowhere made')
  keys = torch_colours.keys(network, {'colours': colours})
  found = torch_colours.settings(network, keys, 'a.pth')
  assert found['colours'] == colours


def test_a_file_of_detectron(tmp_path, monkeypatch):
  """As Detectron2 stores it: a pickle, without counters."""
  state = {
    key: array
    for key, array in torch_weights.to_torch(
      variables('pointrend'), 'pointrend'
    ).items()
    if not key.endswith('num_batches_tracked')
  }
  path = tmp_path / 'model_final.pkl'
  path.write_bytes(pickle.dumps({'model': state, '__author__': 'a'}))
  source = torch_states.read(path)
  assert (source.network, source.settings) == ('pointrend', CAFFE)
  (tmp_path / 'run').mkdir()
  written = conversion.to_checkpoint(
    [source], tmp_path / 'run', config=CONFIG, classes=CLASSES
  )
  assert 'blue first' in written[0].notes[0]
  _, meta = checkpoints.load(tmp_path / 'run')
  assert meta.section('segmenter') == {**CONFIG['segmenter'], **CAFFE}

  kept = {}
  monkeypatch.setattr(
    torch_files, 'write', lambda path, state: kept.update({path: state})
  )
  conversion.to_files(tmp_path / 'run', pathlib.Path('b'), suffix='.pth')
  (back,) = kept.values()
  assert back.keys() == state.keys()
  assert all(back[key].tobytes() == state[key].tobytes() for key in state)


def test_own_networks_say_that_red_comes_first(tmp_path, monkeypatch):
  state = torch_weights.to_torch(variables('pointrend'), 'pointrend')
  source = torch_states.Source(
    pathlib.Path('a'), 'pointrend', state, 'float32', ()
  )
  conversion.to_checkpoint([source], tmp_path, config=CONFIG, classes=CLASSES)
  kept = {}
  monkeypatch.setattr(
    torch_files, 'write', lambda path, state: kept.update(state)
  )
  written = conversion.to_files(tmp_path, pathlib.Path('b'), suffix='.pth')
  assert 'INPUT.FORMAT RGB' in written[0].notes[0]
  assert kept.keys() - state.keys() == {'pixel_mean', 'pixel_std'}
  assert torch_colours.settings('pointrend', kept, 'a') == RED_FIRST


def test_a_prior_is_told_of():
  kind, network = 'refiner_cascade_psp', 'cascade_psp'
  for prior in (True, False):
    meta = Meta({'correctors': {network: {'prior': prior}}})
    notes = torch_notes.lost(kind, meta, network)
    assert ['times the mask given' in note for note in notes] == [True] * prior


def test_a_corrector_is_made_with_them():
  section = {'width': 4, 'head': 8, 'trunk': 'hrnet18', 'colours': 'blue_first'}
  module = correctors.make('segfix', section, 2).module
  assert isinstance(module, segfix.SegFix)
  assert module.colours == 'blue_first'
  assert template('segfix')  # the same names and shapes
