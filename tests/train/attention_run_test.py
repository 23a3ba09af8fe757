"""A run that trains a gate together with a trained segmenter."""

import jax
import numpy as np
import pytest

from magnet_jax import parallel
from magnet_jax.configs import tiny
from magnet_jax.data import splits
from magnet_jax.evaluate import random_model
from magnet_jax.files import bundle, checkpoints
from magnet_jax.models import build
from magnet_jax.predict import model as models
from magnet_jax.scenes import generator
from magnet_jax.train import runs
from magnet_jax.types import InputError, Meta

NETWORK = """
import flax.linen as nn

class Plain(nn.Module):
  num_classes: int

  @nn.compact
  def __call__(self, images, *, train=False):
    return nn.Dense(self.num_classes)(images)
"""


def _config(**segmenter):
  config = tiny.get_config()
  config.data.scene_size = (64, 64)
  config.data.train_scenes = 2
  config.plan.first = 0.6
  config.plan.factor = 'half-octave'
  config.refine.fusion = 'scale_attention'
  config.train.segmenter.average = config.train.refiner.average = 0.0
  for training in (config.train.segmenter, config.train.refiner):
    training.steps = 2
  with config.unlocked():
    config.segmenter = segmenter or {'name': 'unet', 'width': 4, 'levels': 1}
  return config


def _export(path, config):
  """A segmenter with random weights."""
  count = len(generator.CLASSES)
  module = build.segmenter(num_classes=count, **config.segmenter)
  pixels = np.zeros((1, 32, 32, 3), np.float32)
  weights = random_model.weights(np.random.default_rng(0), module, pixels)
  meta = Meta(config.to_dict(), generator.CLASSES, 'segmenter')
  bundle.export(path, {'segmenter': weights}, meta)


@pytest.mark.usefixtures('loose_types')
def test_a_run_ends_in_a_model(tmp_path, monkeypatch):
  monkeypatch.setattr(parallel, 'device_count', lambda: 1)
  config = _config()
  segmenter = tmp_path / 'segmenter.npz'
  _export(segmenter, config)
  config.train.refiner.segmenter = str(segmenter)
  path = runs.run(config, tmp_path / 'run')
  variables, meta = checkpoints.load(path)
  alone, _ = checkpoints.load(segmenter)
  assert [*variables] == ['segmenter', 'refiner'] and meta.kind == 'refiner'
  # Fine-tuned a little, with the statistics of its own training.
  kinds = (variables['segmenter'], alone['segmenter'])
  jax.tree.map(
    np.testing.assert_array_equal, *(each['batch_stats'] for each in kinds)
  )
  moved = jax.tree.map(
    lambda one, other: float(np.abs(one - other).max()),
    *(each['params'] for each in kinds),
  )
  assert 0 < max(jax.tree.leaves(moved)) < 0.01
  model = models.load(path)
  image = splits.open_split(config.data, 'val')[0].image
  found = model.cascade().segment(image, model.plan((64, 64)))
  assert found.shape == (64, 64, len(model.classes))
  # A finished run only exports again.
  before = path.read_bytes()
  assert runs.run(config, tmp_path / 'run').read_bytes() == before


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    ({'unseen': 'holdout'}, r"unseen 'holdout': must be 'none'"),
    ({'crop': (16, 16)}, r'crop \(16, 16\): must be'),
    ({'segmenter_rate': -1.0}, r'segmenter_rate -1\.0: must be 0'),
  ],
)
def test_settings_that_do_not_fit(tmp_path, changes, words):
  config = _config()
  config.data.kind = 'files'
  config.data.train = config.data.val = str(tmp_path)
  config.train.refiner.update(changes)
  with pytest.raises(InputError, match=words):
    runs.run(config, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


def test_a_segmenter_without_features(tmp_path, monkeypatch):
  (tmp_path / 'nets_without_features.py').write_text(NETWORK)
  monkeypatch.syspath_prepend(tmp_path)
  config = _config(name='nets_without_features:Plain')
  with pytest.raises(InputError, match='Plain returns no features'):
    runs.run(config, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()
