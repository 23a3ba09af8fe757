"""Carrot-Weed: crops and weeds in 3264x2448 photographs of a field.

Source: Lameski et al., ICT Innovations 2017; for non-commercial use.
Command: magnet-jax train --config=carrotweed --workdir=runs/carrotweed
Data: data/carrotweed/{train,val,test}.txt, see experiments/carrotweed.
Time: 40 minutes on two busy CPU cores.
Score: mIoU of stage 0 68.8, MagNet 72.8 (test, 10 images); within 2 points, as
the gain of MagNet, +4.0 [+3.0, +5.2], is surer than either.
"""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings for Carrot-Weed."""
  config = default.get_config()
  config.data.kind = 'files'
  config.data.classes = 'carrotweed'
  for split in ('train', 'val', 'test'):
    config.data[split] = f'data/carrotweed/{split}.txt'
  config.augment.rotate = False  # windows are not square
  config.plan.network = (153, 204)  # a sixteenth of a side: five stages
  # Chosen on val among .05, .1, .2 and .9: at full size a window sees too
  # little to tell the plants apart, and many points overrule the context.
  config.refine.points = 0.05
  config.train.segmenter.batch = 10
  config.train.segmenter.steps = 800
  # About frequency ** -1/3.
  weights = (0.85, 2.1, 1.85)
  config.train.segmenter.class_weights = weights
  config.train.refiner.class_weights = weights
  return config
