"""`magnet-jax convert` of SegFix, whose file says how wide it is."""

import numpy as np
from tiny_states import SEGFIX, state

from magnet_jax.cli import main
from magnet_jax.files import bundle, checkpoints
from magnet_jax.types import Meta
from magnet_jax.weights import torch_files


def test_there_and_back_is_exact(save_state, tmp_path, capfd):
  file, run = save_state(state('segfix')), tmp_path / 'run'
  assert main.main(['convert', str(file), f'--out={run}']) == 0
  shown = capfd.readouterr().out
  assert (
    'a.pth: segfix, ' in shown
    and f'--method=segfix --correctors={run}' in shown
  )
  assert [path.name for path in run.iterdir()] == ['refiner_segfix']
  _, meta = checkpoints.load(run)
  settings = meta.section('correctors')['segfix']
  assert settings == {**SEGFIX, 'trunk': 'hrnet18', 'colours': 'blue_first'}
  assert 'is shown colours as the published network: blue first' in shown
  back = tmp_path / 'back'
  argv = ['convert', str(run), '--to=pytorch', f'--out={back}']
  assert main.main(argv) == 0
  found = torch_files.read(back / 'refiner_segfix.pth')
  assert found.keys() == state('segfix').keys()
  for key, array in state('segfix').items():
    assert found[key].dtype == array.dtype, key
    assert found[key].tobytes() == array.tobytes(), key


def test_files_that_do_not_fit(save_state, tmp_path, fails):
  def refused(changes, *others):
    given = {**state('segfix'), **changes}
    given = {k: a for k, a in given.items() if a is not None}
    file = save_state(given)
    return fails('convert', file, *others, f'--out={tmp_path / "run"}')

  key = 'dir_head.0.weight'
  message = refused({key: np.zeros((4, 31, 1, 1), np.float32)})
  assert f'{key} has shape [4, 31, 1, 1], but the config needs' in message
  assert 'lacks mask_head.0.weight' in refused({'mask_head.0.weight': None})
  assert f'lacks {key}' in refused({key: None})
  more = {'backbone.stage1.0.branches.0.0.conv1.weight': np.zeros((2, 2, 3, 3))}
  assert 'is SegFix on HRNet2x' in refused(more, '--cast=float32')
  other = save_state(state('resnet'), 'b.pth')
  assert 'convert it alone' in refused({}, other)
  assert not (tmp_path / 'run').exists()


def test_a_trunk_of_another_kind_has_no_names(tmp_path, fails):
  settings = {'correctors': {'segfix': {'trunk': 'resnet18'}}}
  meta = Meta(settings, kind='refiner_segfix')
  bundle.export(
    tmp_path / 'a.npz', {'refiner_segfix': {'w': np.zeros(3)}}, meta
  )
  out = tmp_path / 'back'
  message = fails('convert', tmp_path / 'a.npz', '--to=pytorch', f'--out={out}')
  assert 'a.npz: holds refiner_segfix, which has no names' in message
  assert not out.exists()
