"""Dubai: aerial scenes of up to 6447x4438 with noisy labels.

Source: MBRSC and Humans in the Loop, CC0. Two labels of the same ground agree
at a mean IoU of only .52 to .63.
Command: magnet-jax train --config=dubai --workdir=runs/dubai
Data: data/dubai/{train,val,test}.txt, see experiments/dubai.
Time: a quarter of an hour on two CPU cores, estimated from the time per step.
Score: mIoU of stage 0 38.0, MagNet 40.4 (test, one scene; with such labels,
seeds differ by a few points). Measured without the folds of
train.refiner.unseen, and with narrower tones.
"""

import ml_collections

from magnet_jax.configs import default


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings for Dubai."""
  config = default.get_config()
  config.data.kind = 'files'
  config.data.classes = 'dubai'
  for split in ('train', 'val', 'test'):
    config.data[split] = f'data/dubai/{split}.txt'
  config.plan.network = (256, 256)
  config.plan.stages = 4  # regardless of the scene's size
  config.train.segmenter.crop = (160, 160)
  config.train.segmenter.batch = 12
  config.train.segmenter.steps = 200
  config.train.refiner.unseen = 'folds'
  config.train.refiner.folds = 2  # of five scenes
  config.train.refiner.crop = (128, 128)
  config.train.refiner.steps = 80
  config.train.segmenter.validate_every = 20
  config.train.refiner.validate_every = 20
  return config
