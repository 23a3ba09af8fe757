"""Two processes of two devices each give the same results as one process."""

import jax
import numpy as np
import pytest
from two_processes import Pair

from magnet_jax.cli import main
from magnet_jax.files import checkpoints, records

# Small networks: nearly all of the time goes into compiling them.
CONFIG = """
import ml_collections
from magnet_jax.configs import tiny

def get_config():
  config = tiny.get_config()
  config.data.scene_size = (64, 64)
  config.data.val_scenes = 3
  config.segmenter = ml_collections.ConfigDict(
    {'name': 'unet', 'width': 4, 'levels': 1}
  )
  training = config.train.segmenter
  training.optimizer = 'sgd'
  training.steps = 3
  training.batch = 4
  training.loss = 'ohem'
  training.ohem_kept = 300
  return config
"""


def training(folder):
  config = folder.parent / 'config.py'
  run = folder / 'run'
  return [
    'train',
    f'--config={config}',
    f'--workdir={run}',
    '--stage=segmenter',
  ]


def evaluation(run, out):
  return [
    'evaluate',
    f'--checkpoint={run}',
    f'--out={out}',
    '--methods=patch,downsample',
    '--pictures=1',
  ]


@pytest.fixture(scope='module')
def both(tmp_path_factory):
  """Folders of one process and of two, and what the two printed."""
  top = tmp_path_factory.mktemp('processes')
  (top / 'config.py').write_text(CONFIG)
  one, two = top / 'one', top / 'two'
  pair = Pair([training(two), evaluation(two / 'run', two / 'scores')])
  # Optax itself leans on promotion.
  with jax.numpy_dtype_promotion('standard'):
    assert main.main([*training(one), '--devices=2']) == 0
  printed = pair.finish()
  assert [status for status, _, _ in printed] == [0, 0], printed
  # Of the same networks: in the last digits the two trainings differ.
  scores = evaluation(two / 'run', one / 'scores')
  assert main.main([*scores, '--devices=2']) == 0
  return one, two, printed


def test_training_is_the_same(both):
  folders = [folder / 'run' / 'segmenter' for folder in both[:2]]
  found = [records.read(folder / 'train.jsonl') for folder in folders]
  assert [r['step'] for r in found[1]] == [1, 2, 3]
  for key in ('loss', 'gradient_norm'):
    np.testing.assert_allclose(
      *([r[key] for r in each] for each in found), rtol=1e-5, err_msg=key
    )
  arrays = [checkpoints.load(folder)[0] for folder in folders]
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-5), *arrays
  )


def test_records_are_the_same(both):
  found = [
    records.read(folder / 'scores' / 'records.jsonl') for folder in both[:2]
  ]
  for each in found:
    for record in each:
      assert record.pop('seconds') > 0
      assert record.pop('peak_host_mb') > 0
  assert len(found[0]) == 6
  assert found[0] == found[1]
  names = {path.name for path in (both[1] / 'scores').iterdir()}
  assert names == {path.name for path in (both[0] / 'scores').iterdir()}


def test_the_first_alone_prints(both):
  (_, first, _), (_, second, errors) = both[2]
  assert len(first) > 3
  assert not second and not errors


def test_a_failure_of_one_ends_both(both, tmp_path):
  """The second is alone in having a flag that is wrong, after they met."""
  train = training(both[1])
  pair = Pair([train], [[*train, '--devices=9']])
  (status, _, first), (other, _, second) = pair.finish(60)
  assert (status, other) == (2, 2)
  lines = [x for x in [*first, *second] if x.startswith('magnet-jax: error')]
  assert len(lines) == 1
  assert 'process 1 of 2' in lines[0] and '--devices=9' in lines[0]
