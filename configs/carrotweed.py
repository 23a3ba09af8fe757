"""Carrot-Weed: crops and weeds in 3264x2448 photographs of a field.

Source: Lameski et al., ICT Innovations 2017; for non-commercial use.
Command: magnet-jax train --config=carrotweed --workdir=runs/carrotweed
Data: data/carrotweed/{train,val,test}.txt, see experiments/carrotweed.
Time: 26 minutes on one CPU core without the folds of train.refiner.unseen.
Score: mIoU of stage 0 69.9, MagNet 76.6 (test, 10 images), within 2 points; the
gain of MagNet, +6.8 [+5.7, +8.1], is more certain than either. Measured without
folds, and with narrower tones.
"""

import ml_collections

from magnet_jax.configs import default


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings for Carrot-Weed."""
  config = default.get_config()
  config.data.kind = 'files'
  config.data.classes = 'carrotweed'
  for split in ('train', 'val', 'test'):
    config.data[split] = f'data/carrotweed/{split}.txt'
  config.augment.rotate = False  # windows are not square
  # Windows are halved for the networks. At full size they show too little
  # context: see experiments/carrotweed.
  config.plan.network = (153, 204)
  config.plan.window = (306, 408)  # an eighth of the image: four stages
  # Chosen on val among .02, .05, .1, .25 and .5.
  config.refine.points = 0.1
  config.train.segmenter.batch = 10
  config.train.segmenter.steps = 800
  # About frequency ** -1/3.
  weights = (0.85, 2.1, 1.85)
  config.train.segmenter.class_weights = weights
  config.train.refiner.class_weights = weights
  config.train.refiner.unseen = 'folds'
  config.train.refiner.crop = (153, 204)  # from windows four times as large
  return config
