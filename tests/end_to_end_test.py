"""Both trainings, killed and resumed, then the commands that use the result."""

import json
import shutil

import jax
import numpy as np
import pytest

from magnet_jax.cli import main
from magnet_jax.files import bundle, checkpoints, images, records
from magnet_jax.methods import table
from magnet_jax.scenes import generator
from magnet_jax.tuning import candidates

OVERRIDES = ['--config=tiny', '--config.data.scene_size=(64, 64)']


class Killed(BaseException):
  """Stands for SIGKILL: nothing catches it."""


@pytest.fixture(scope='module', autouse=True)
def compiled_once(tmp_path_factory):
  """Programs of one training serve the next; Optax promotes data types."""
  folder = tmp_path_factory.mktemp('programs')
  wanted = {
    'jax_compilation_cache_dir': str(folder),
    'jax_persistent_cache_min_compile_time_secs': 0.0,
    'jax_persistent_cache_min_entry_size_bytes': -1,
    'jax_numpy_dtype_promotion': 'standard',
  }
  before = {name: getattr(jax.config, name) for name in wanted}
  for name, value in wanted.items():
    jax.config.update(name, value)
  yield
  for name, value in before.items():
    jax.config.update(name, value)


def train(folder) -> int:
  return main.main(['train', *OVERRIDES, f'--workdir={folder}'])


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  folder = tmp_path_factory.mktemp('whole')
  assert train(folder) == 0
  return folder


def train_until(folder, monkeypatch, last) -> None:
  """Trains and dies at the record of a step, counted from this start."""
  append, count = records.Writer.append, 0

  def dying(writer, record):
    nonlocal count
    count += 1
    if count == last:
      raise Killed
    append(writer, record)

  with monkeypatch.context() as patch:
    patch.setattr(records.Writer, 'append', dying)
    with pytest.raises(Killed):
      train(folder)


def test_a_killed_training_ends_like_a_whole_one(run, tmp_path, monkeypatch):
  train_until(tmp_path, monkeypatch, 3)  # in the segmenter, after a checkpoint
  train_until(tmp_path, monkeypatch, 2 + 3)  # in the refiner
  assert not (tmp_path / 'model.npz').exists()
  assert train(tmp_path) == 0
  whole, meta = bundle.read(run / 'model.npz')
  killed, other = bundle.read(tmp_path / 'model.npz')
  jax.tree.map(np.testing.assert_array_equal, whole, killed)
  # The images that both were trained on.
  assert meta.tones and meta.tones == other.tones
  assert meta.tones == checkpoints.load(run / 'refiner')[1].tones
  for network in ('segmenter', 'refiner'):
    found = [
      [
        {**record, 'seconds': 0, 'wait': 0, 'elapsed': 0}
        for record in records.read(path)
      ]
      for path in (
        run / network / 'train.jsonl',
        tmp_path / network / 'train.jsonl',
      )
    ]
    assert found[0] == found[1]
    assert [record['step'] for record in found[0]] == [1, 2, 3, 4]


def test_more_steps_extend_a_run_that_is_named_alone(run, tmp_path, capfd):
  """By its own settings; its refiner is trained anew for the segmenter."""
  folder = tmp_path / 'run'
  shutil.copytree(run, folder)
  before = bundle.read(folder / 'model.npz')[0]
  assert main.main(['train', f'--workdir={folder}']) == 0
  text = capfd.readouterr().out
  assert f'settings of {folder}/config.json' in text
  assert f'evaluate --checkpoint={folder} --split=test' in text
  assert 'segmenter: had ended; more steps' in text and 'trains on' not in text
  jax.tree.map(
    np.testing.assert_array_equal, before, bundle.read(folder / 'model.npz')[0]
  )
  more = '--config.train.segmenter.steps=6'
  assert main.main(['train', f'--workdir={folder}', more]) == 0
  assert 'its refiner is trained again' in capfd.readouterr().out
  found = [
    [each['step'] for each in records.read(folder / network / 'train.jsonl')]
    for network in ('segmenter', 'refiner')
  ]
  assert found == [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4]]
  config = json.loads((folder / 'config.json').read_text())
  assert config['train']['segmenter']['steps'] == 6


def test_another_config_is_refused(run, capfd):
  argv = ['train', *OVERRIDES, f'--workdir={run}', '--config.seed=5']
  assert main.main(argv) == 2
  (line,) = capfd.readouterr().err.splitlines()
  assert 'seed = 0, not 5' in line


def test_the_model_serves_the_other_commands(run, tmp_path):
  image = generator.generate(99, (64, 64)).image
  images.write_image(tmp_path / 'scene.jpg', image)
  flags = [f'--checkpoint={run}', f'--out={tmp_path}', '--no-panel']
  assert main.main(['segment', str(tmp_path / 'scene.jpg'), *flags]) == 0
  label = images.read_label(tmp_path / 'scene_label.png', generator.CLASSES)
  assert label.shape == (64, 64)
  path = tmp_path / 'table.json'
  flags = [f'--checkpoint={run / "model.npz"}', f'--json={path}']
  assert main.main(['evaluate', *flags, '--limit=1']) == 0
  rows = json.loads(path.read_text())['rows']
  # The best scale of patch is not known, and there is no point head.
  assert [row['method'] for row in rows] == [
    name
    for name, each in table.METHODS.items()
    if each.usual and name not in ('patch-best', 'pointrend', 'glnet')
  ]


def test_the_way_is_chosen_after_the_training(
  run, tmp_path, capsys, monkeypatch
):
  monkeypatch.setattr(candidates, 'SCALES', (0.5, 1.0))  # fewer to compile
  folder = tmp_path / 'run'
  shutil.copytree(run, folder)
  images_of_val = ['--config.tune.images=1', '--config.tune.points=(0.2,)']
  argv = ['train', *OVERRIDES, f'--workdir={folder}', *images_of_val]
  assert main.main(argv) == 0
  text = capsys.readouterr().out
  assert 'patch-best' in text and 'too few' in text
  _, exported = bundle.read(folder / 'model.npz')
  _, loaded = checkpoints.load(folder)
  for meta in (exported, loaded):
    chosen = meta.config['ways']['patch']
    for name in ('plan', 'refine'):
      assert {**meta.section(name), **chosen[name]} == meta.section(name)
  # The same command again, or one that tunes otherwise, measures nothing anew.
  assert main.main([*argv, '--config.tune.images=2']) == 0
  assert 'patch-best' not in capsys.readouterr().out


def test_the_way_is_chosen_by_the_command(run, tmp_path, capfd, monkeypatch):
  monkeypatch.setattr(candidates, 'SCALES', (0.5, 1.0))
  folder, out = tmp_path / 'run', tmp_path / 'tuned'
  shutil.copytree(run, folder)
  argv = ['tune', f'--checkpoint={folder}', '--points=0.6', '--limit=1']
  assert main.main([*argv, '--no-write', f'--out={out}']) == 0
  assert {path.name for path in out.iterdir()} == {
    'candidates',
    'chosen',
    'tune.png',
  }
  assert 'ways' not in checkpoints.load(folder)[1].config
  assert main.main([*argv, f'--out={out}', '--budget=half']) == 0
  assert f'written to {folder}/refiner/tuned.json' in capfd.readouterr().out
  _, exported = bundle.read(folder / 'model.npz')
  for meta in (exported, checkpoints.load(folder)[1]):
    half = meta.config['ways']['half']
    assert half['plan'].items() <= meta.section('plan').items()
  capfd.readouterr()
  for bad, word in (
    (['tune'], 'is an embedded model'),
    ([*argv, '--points=some'], '--points=some'),
    ([*argv, '--points=3'], 'points 3'),
    ([*argv, f'--out={out}', '--split=train'], '--out'),
  ):
    assert main.main(bad) == 2
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert word in line
