"""Carrot-Weed: crops and weeds in 3264x2448 photographs of a field.

Source: Lameski et al., ICT Innovations 2017; for non-commercial use.
Trunk: EfficientNet-Lite0, ImageNet weights, Apache-2.0.
Command: magnet-jax train --config=carrotweed --workdir=runs/carrotweed
Data: data/carrotweed/{train,val,test}.txt, see experiments/carrotweed.
Time: 26 minutes on one CPU core, and four to choose how the model is run.
Score: see experiments/carrotweed.
"""

import ml_collections

from magnet_jax.configs import default


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings for Carrot-Weed."""
  config = _data()
  config.plan.first = 0.5
  config.plan.factor = 'half-octave'
  config.plan.overlap = (0.25, 0.0)
  config.refine.fusion = 'mean'
  config.tune.images = 4
  default.start_from_imagenet(config)
  return config


def with_refiner() -> ml_collections.ConfigDict:
  """Returns settings with octaves from the whole image and a trained refiner.

  Studies of the refiner start from these: random weights, small networks.
  """
  config = _data()
  # Chosen on val among .02, .05, .1, .25 and .5.
  config.refine.points = 0.1
  config.train.refiner.class_weights = config.train.segmenter.class_weights
  config.train.refiner.unseen = 'folds'
  config.train.refiner.crop = (153, 204)  # from windows four times as large
  return config


def _data() -> ml_collections.ConfigDict:
  config = default.get_config()
  config.data.kind = 'files'
  config.data.classes = 'carrotweed'
  for split in ('train', 'val', 'test'):
    config.data[split] = f'data/carrotweed/{split}.txt'
  config.augment.rotate = False  # windows are not square
  # Windows are halved for the networks. At full size they show too little
  # context: see experiments/carrotweed.
  config.plan.network = (153, 204)
  config.plan.window = (306, 408)
  config.train.segmenter.batch = 10
  config.train.segmenter.steps = 800
  # About frequency ** -1/3.
  config.train.segmenter.class_weights = (0.85, 2.1, 1.85)
  return config
