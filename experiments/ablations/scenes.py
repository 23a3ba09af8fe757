"""A small model of generated scenes: cheap enough for several seeds.

Source: the default networks at half the window, scenes of a quarter the area.
Command: experiments/ablations/train.sh experiments/ablations/scenes.py \
  scenes 3 150
Time: 62 minutes a seed on one CPU core, refiners included.
"""

import ml_collections

from magnet_jax.configs import scenes


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings of the ablations on scenes."""
  config = scenes.from_random_weights()
  config.data.scene_size = (1224, 1224)
  config.data.train_scenes = 48
  config.data.val_scenes = 8
  config.plan.network = (153, 153)
  config.train.segmenter.crop = (0, 0)
  config.train.segmenter.steps = 700
  config.train.segmenter.validate_every = 350
  config.train.segmenter.validation_batches = 6
  config.train.refiner.crop = (0, 0)
  config.train.refiner.steps = 150
  config.train.refiner.validate_every = 150
  config.train.refiner.validation_batches = 6
  return config
