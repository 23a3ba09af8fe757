"""Dubai: aerial scenes of up to 6447x4438 with noisy labels; model 'aerial'.

Source: MBRSC and Humans in the Loop, CC0. Two labels of the same ground agree
at a mean IoU of only .52 to .63.
Trunk: EfficientNet-Lite0, ImageNet weights, Apache-2.0.
Command: magnet-jax train --config=dubai --workdir=runs/dubai
Data: data/dubai/{train,val,test}.txt, see experiments/dubai.
Time: half an hour on two CPU cores.
Score: see experiments/dubai.
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
  config.plan.first = 0.35
  config.plan.factor = 'half-octave'
  config.plan.overlap = (0.25, 0.0)
  config.refine.fusion = 'mean'
  config.tune.images = 1  # all of val: little more than a guess
  default.start_from_imagenet(config)
  config.train.segmenter.crop = (160, 160)
  config.train.segmenter.batch = 12
  config.train.segmenter.steps = 800
  # About frequency ** -1/3.
  config.train.segmenter.class_weights = (1.23, 0.8, 1.37, 1.2, 1.0)
  return config
