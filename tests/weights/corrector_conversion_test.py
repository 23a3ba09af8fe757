"""CascadePSP in PyTorch's names, there and back."""

import pathlib

import jax
import numpy as np
import pytest

from magnet_jax.cascade import cascade_psp
from magnet_jax.files import checkpoints, trees
from magnet_jax.predict import correctors
from magnet_jax.types import InputError
from magnet_jax.weights import (
  conversion,
  torch_states,
  torch_templates,
  torch_weights,
)

SETTINGS = {
  'trunk': 'resnet18',
  'width': 4,
  'features': 6,
  'widths': (5, 4, 3),
  'hidden': 2,
}


@pytest.fixture(scope='module')
def source():
  """The state of a narrow network whose numbers are all different."""
  made = cascade_psp.make(num_classes=2, **SETTINGS)
  shapes = jax.eval_shape(
    lambda: made.module.init(jax.random.key(0), **made.inputs)
  )
  rng = np.random.default_rng(0)
  flat = {
    key: rng.random(leaf.shape).astype(np.float32)
    for key, leaf in trees.flatten(shapes).items()
  }
  state = torch_weights.to_torch(trees.unflatten(flat), 'cascade_psp')
  assert torch_states.closest(state) == 'cascade_psp'
  return torch_states.Source(
    pathlib.Path('a.pth'), 'cascade_psp', state, 'float32', ()
  )


def test_there_and_back_is_exact(source, tmp_path):
  assert (source.kind, source.classes) == ('refiner_cascade_psp', None)
  assert conversion.class_count([source]) is None
  written = conversion.to_corrector(source, tmp_path)
  assert written.path == 'refiner_cascade_psp'
  assert written.tensors == len(source.state)
  variables, meta = checkpoints.load(tmp_path)
  assert list(variables) == ['refiner_cascade_psp']
  kind = 'refiner_cascade_psp'
  assert torch_templates.network(kind, meta) == 'cascade_psp'
  back = torch_weights.to_torch(variables[kind], 'cascade_psp', {})
  for key, array in back.items():
    assert array.tobytes() == source.state[key].tobytes(), key
  counters = [k for k in source.state if k.endswith('num_batches_tracked')]
  assert len(back) + len(counters) == len(source.state)
  # The settings in its metadata make the same network again.
  section = meta.section('correctors')['cascade_psp']
  again = correctors.make('cascade_psp', section, 2).module
  assert again == cascade_psp.make(num_classes=2, **SETTINGS).module
  # It comes without classes and a segmenter, and corrects maps of any.
  corrects, classes = correctors.read(tmp_path, 'cascade_psp')
  assert corrects.num_classes is None and classes is None


def test_it_stands_alone_and_must_be_whole(source):
  with pytest.raises(
    InputError, match=r'a\.pth: is a corrector.*convert it al'
  ):
    conversion.class_count([source, source])
  rest = {k: a for k, a in source.state.items() if 'up_2.short' not in k}
  half = torch_states.Source(source.path, 'cascade_psp', rest, 'float32', ())
  with pytest.raises(InputError, match=r'a\.pth: lacks up_2\.shortcut\.weight'):
    torch_templates.corrector(half)
