"""A U-Net on generated scenes: a second segmenter, of another kind.

Source: trained from random weights, a third of the steps of configs/scenes.py.
Command: magnet-jax train --config=experiments/transfer/scenes_unet.py \
  --workdir=runs/scenes-unet
"""

import ml_collections

from magnet_jax.configs import scenes


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings of the second segmenter and its refiner."""
  config = scenes.from_random_weights()
  config.segmenter = ml_collections.ConfigDict(
    {'name': 'unet', 'width': 8, 'levels': 4, 'dtype': 'float32'}
  )
  config.data.train_scenes = 32
  config.train.segmenter.steps = 400
  config.train.segmenter.validate_every = 200
  config.train.segmenter.validation_batches = 6
  config.train.refiner.steps = 100
  config.train.refiner.validate_every = 50
  config.train.refiner.validation_batches = 6
  return config
