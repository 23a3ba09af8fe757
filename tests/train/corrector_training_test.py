"""A run trains correctors of its finished maps, each with its own settings."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax import parallel
from magnet_jax.configs import tiny
from magnet_jax.data import splits
from magnet_jax.evaluate import random_model
from magnet_jax.evaluate.compiles import CompileCounter
from magnet_jax.files import bundle, checkpoints
from magnet_jax.methods import table
from magnet_jax.models import build
from magnet_jax.predict import model as models
from magnet_jax.scenes import generator
from magnet_jax.train import (
  corrector_recipes,
  corrector_run,
  corrector_task,
  run_folder,
)
from magnet_jax.types import InputError, Meta

COUNT = len(generator.CLASSES)
_SWITCHES = 'flip_horizontal', 'flip_vertical', 'rotate'


def make_config():
  config = tiny.get_config()
  config.data.scene_size = (64, 64)
  config.data.train_scenes = 2
  config.data.val_scenes = 1
  for name in config.correctors:
    config.train[name].steps = 2
    config.train[name].average = 0.0
  with config.unlocked():
    config.segmenter = {'name': 'unet', 'width': 4, 'levels': 1}
  return config


def export(path, config):
  """A segmenter with random weights."""
  module = build.segmenter(num_classes=COUNT, **config.segmenter)
  pixels = np.zeros((1, 32, 32, 3), np.float32)
  weights = random_model.weights(np.random.default_rng(0), module, pixels)
  meta = Meta(config.to_dict(), generator.CLASSES, 'segmenter')
  bundle.export(path, {'segmenter': weights}, meta)
  return path


@pytest.mark.usefixtures('loose_types')
def test_a_run_trains_one_after_the_other(tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(parallel, 'team', lambda *_: parallel.one_device())
  monkeypatch.setattr(parallel, 'device_count', lambda: 1)
  config = make_config()
  folder = tmp_path / 'run'
  source = export(tmp_path / 'base.npz', config)
  for name in ('deep_guided', 'iterative'):
    config.train[name].segmenter = str(source)
    path = corrector_run.run(config.lock(), folder, stage=name)
    config = config.copy_and_resolve_references().unlock()
    # The other one is trained already: its settings stay.
    config.train.deep_guided.rate = 0.5
  variables, meta = bundle.read(path)
  assert sorted(variables) == [
    'refiner_deep_guided',
    'refiner_iterative',
    'segmenter',
  ]
  assert meta.config['correctors']['deep_guided']['width'] == 4
  alone, own = checkpoints.load(folder / 'refiner_iterative')
  assert own.kind == 'refiner_iterative' and list(alone) == [own.kind]
  jax.tree.map(
    np.testing.assert_array_equal, alone[own.kind], variables[own.kind]
  )
  model = models.load(path)
  image = splits.open_split(config.data, 'val')[0].image
  before, *found = table.make(
    model, ['patch', 'deep-guided', 'iterative']
  ).values()
  maps, windows = before.segment(image)
  for name, method in zip(('deep_guided', 'iterative'), found, strict=True):
    method.warm_up((64, 64))
    with CompileCounter() as compiled:
      probabilities, seen = method.segment(image)
    assert seen == windows and compiled.count == 0
    np.testing.assert_array_equal(
      probabilities, model.correctors[name].apply(image, maps)
    )
  # Nothing is left to train, and nothing changes.
  assert capsys.readouterr().out.count('of the maps as they are') == 2
  again = corrector_run.run(config.lock(), folder, stage='iterative')
  assert 'of the maps as they are' not in capsys.readouterr().out
  assert bundle.read(again)[0].keys() == variables.keys()


def test_a_start_map_is_that_of_the_method():
  config = make_config()
  images = splits.Splits(config.data)
  scene = images['train'][0].image

  def segmenter(pixels):
    return pixels @ jnp.arange(9, dtype=jnp.float32).reshape(3, 3)

  (patch,), (whole,) = (
    [
      corrector_recipes.start_maps(
        segmenter,
        {
          'images': jnp.asarray(scene[None, None, :32, :32]).repeat(2, 1),
          'labels': jnp.zeros((1, 2, 32, 32), jnp.uint8),
          'offsets': jnp.asarray([[[0.0, 0], [4, 8]]]),
          'ratios': jnp.asarray([[[1.0, 1], [0.5, 0.5]]]),
        },
        start=start,
        network=(32, 32),
      )['coarse']
    ]
    for start in ('patch', 'downsample')
  )
  # The crop is half of a side, from row 4 and column 8 on.
  np.testing.assert_allclose(
    patch[0, 4:20, 8:24].mean((0, 1)), whole[0].mean((0, 1)), atol=0.01
  )
  assert not np.allclose(patch, whole)


def test_windows_of_another_size_are_resized_for_the_segmenter():
  found = corrector_recipes.start_maps(
    lambda pixels: pixels * jnp.float32(pixels.shape[1] == 8),
    {
      'images': jnp.full((1, 1, 16, 12, 3), 99, jnp.uint8),
      'labels': jnp.zeros((1, 1, 16, 12), jnp.uint8),
    },
    start='patch',
    network=(8, 8),
  )
  assert found['coarse'].shape == found['images'].shape == (1, 16, 12, 3)
  assert len(np.unique(found['coarse'][0, 0, 0])) == 3


def keep_step(network):
  """Leaves what a training does once it is begun."""
  network.mkdir()
  (network / 'train.jsonl').write_text('{"step": 1}\n')


def test_each_corrector_keeps_its_own_settings(tmp_path):
  config = make_config()
  run_folder.prepare(config, tmp_path)
  keep_step(tmp_path / 'segmenter')
  config.train.iterative.rate = 0.5  # not begun: may still change
  run_folder.prepare(config, tmp_path, 'iterative')
  keep_step(tmp_path / 'refiner_iterative')
  config.train.iterative.rate = 0.1
  run_folder.prepare(config, tmp_path, 'deep_guided')
  with pytest.raises(InputError, match=r'train\.iterative\.rate = 0\.5, not'):
    run_folder.prepare(config, tmp_path, 'iterative')
  config.train.iterative.rate = 0.5
  config.train.iterative.hours = 1.0
  run_folder.prepare(config, tmp_path, 'iterative')


def test_a_run_before_there_were_correctors_goes_on(tmp_path):
  earlier = make_config()
  for name in earlier.correctors:
    del earlier.train[name]
  del earlier.correctors
  tmp_path.joinpath('config.json').write_text(earlier.to_json())
  keep_step(tmp_path / 'segmenter')
  run_folder.prepare(make_config(), tmp_path)


@pytest.mark.parametrize(
  ('name', 'unscored'), [('cascade_psp', ()), ('deep_guided', (0,))]
)
def test_masks_are_scored_whatever_class_0_is(tmp_path, name, unscored):
  config = make_config()
  config.data.classes = 'deepglobe'  # its class 0 is not scored
  source = export(tmp_path / 'base.npz', config)
  images = splits.Splits(config.data)
  task, _ = corrector_task.make(config, images, name, source)
  assert task.unscored == unscored


def test_masks_are_learnt_at_the_scales_at_which_they_are_seen(tmp_path):
  config = make_config()
  plain = {key: 1.0 for key in config.augment if key not in _SWITCHES}
  config.augment.update(
    {**plain, **dict.fromkeys(_SWITCHES, False), 'hue': 0.0}
  )
  config.train.cascade_psp.crop = (24, 20)
  source = export(tmp_path / 'base.npz', config)
  images = splits.Splits(config.data)
  scenes = [images['train'][i].image for i in range(2)]

  def is_cut_out(pixels):
    return any(
      (parts == pixels).all((-3, -2, -1)).any()
      for scene in scenes
      for parts in [
        np.moveaxis(
          np.lib.stride_tricks.sliding_window_view(scene, (24, 20), (0, 1)),
          2,
          -1,
        )
      ]
    )

  shares = []
  for reduction in (1.0, 0.0):
    config.correctors.cascade_psp.reduction = reduction
    task, _ = corrector_task.make(config, images, 'cascade_psp', source)
    batches = task.batches(0)
    windows = [w for _ in range(6) for w in next(batches)['images']]
    shares.append(np.mean([is_cut_out(window) for window in windows]))
  assert shares[0] == 1 > shares[1]


def test_faults_are_found_before_anything_is_trained(tmp_path):
  config = make_config()
  with pytest.raises(InputError, match='has no segmenter, whose maps deep_gui'):
    corrector_run.run(config, tmp_path, stage='deep_guided')
  source = export(tmp_path / 'base.npz', config)
  images = splits.Splits(config.data)
  for name, field, value, said in (
    ('deep_guided', 'start', 'magnet', r"start 'magnet': unknown; choose one"),
    ('iterative', 'times', 0, r'correctors\.iterative: times 0: must be'),
    ('iterative', 'radius', 3, r'correctors\.iterative\.radius: unknown'),
  ):
    bad = make_config()
    with bad.unlocked():
      bad.correctors[name][field] = value
    with pytest.raises(InputError, match=said):
      corrector_task.make(bad, images, name, source)
  assert not (tmp_path / 'refiner_deep_guided').exists()


def test_a_model_must_know_its_correctors(tmp_path):
  config = make_config()
  variables, meta = bundle.read(export(tmp_path / 'base.npz', config))
  for name, said in (
    ('of_the_future', "corrector 'of_the_future': must be one of deep_guided"),
    ('deep_guided', 'is missing: the variables must be those'),
  ):
    with pytest.raises(InputError, match=said):
      models.from_variables(
        {**variables, f'refiner_{name}': {'params': {}}}, meta, name='it'
      )
  model = models.from_variables(variables, meta, name='it')
  with pytest.raises(
    InputError,
    match=r'deep-guided: the model has no weights .*--stage=deep_gui',
  ):
    table.make(model, ['deep-guided'])
  assert 'deep-guided' not in table.possible(model)
  with pytest.raises(InputError, match="kind 'refine': unknown"):
    dataclasses.replace(meta, kind='refine')
