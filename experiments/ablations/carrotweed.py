"""Carrot-Weed at half of a side: four stages instead of five.

Source: configs/carrotweed.py, shorter, on images of halve.py.
Command: experiments/ablations/train.sh experiments/ablations/carrotweed.py \
  carrotweed 3 100
Time: 20 to 35 minutes a seed on one CPU core, without the longer refiners.
"""

import ml_collections

from magnet_jax.configs import carrotweed


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings of the ablations on Carrot-Weed."""
  config = carrotweed.with_refiner()
  for split in ('train', 'val', 'test'):
    config.data[split] = f'runs/ablations/carrotweed/half/{split}.txt'
  config.plan.window = (0, 0)  # the images are halved already
  config.refine.points = 0.05
  config.train.refiner.crop = (0, 0)
  config.train.segmenter.batch = 6
  config.train.segmenter.steps = 600
  config.train.segmenter.validate_every = 300
  config.train.segmenter.validation_batches = 6
  config.train.refiner.steps = 100
  config.train.refiner.validate_every = 100
  config.train.refiner.validation_batches = 6
  return config
