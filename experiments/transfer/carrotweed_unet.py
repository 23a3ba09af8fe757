"""A U-Net on Carrot-Weed: a second segmenter, of another kind.

Source: trained from random weights, half the steps of
../carrotweed/full_size.py.
Command: magnet-jax train --config=experiments/transfer/carrotweed_unet.py \
  --workdir=runs/carrotweed-unet
"""

import ml_collections

from magnet_jax.configs import carrotweed


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings of the second segmenter and its refiner."""
  config = carrotweed.with_refiner()
  config.segmenter = ml_collections.ConfigDict(
    {'name': 'unet', 'width': 8, 'levels': 4, 'dtype': 'float32'}
  )
  config.plan.window = (0, 0)  # as the networks see them: five stages
  config.refine.points = 0.05
  config.train.refiner.crop = (0, 0)
  config.train.segmenter.steps = 400
  config.train.segmenter.validate_every = 200
  config.train.segmenter.validation_batches = 6
  config.train.refiner.steps = 100
  config.train.refiner.validate_every = 50
  config.train.refiner.validation_batches = 6
  return config
