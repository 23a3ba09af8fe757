"""Generated aerial scenes; the embedded model 'scenes'.

Source: 64 generated scenes of 2448x2448.
Trunk: EfficientNet-Lite0, ImageNet weights, Apache-2.0.
Command: magnet-jax train --config=scenes --workdir=runs/scenes
Time: an hour on one to two CPU cores, estimated from those of its parts.
Score: mIoU of patch 81.4, MagNet 93.2 (test, 10 scenes).
"""

import ml_collections

from magnet_jax.configs import default


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings of the embedded model scenes."""
  config = with_refiner()
  config.plan.first = 0.5
  config.plan.factor = 'half-octave'
  config.plan.overlap = (0.25, 0.0)
  config.refine.fusion = 'scale_attention'
  config.train.refiner.crop = (0, 0)  # the gate sees far
  config.tune.images = 4
  return config


def with_refiner() -> ml_collections.ConfigDict:
  """Returns settings with octaves from the whole image and MagNet's refiner."""
  config = from_random_weights()
  default.start_from_imagenet(config)
  return config


def from_random_weights() -> ml_collections.ConfigDict:
  """Returns the same with the small default network, for quick studies."""
  config = default.get_config()
  config.data.train_scenes = 64
  # All scenes have the same light, so weaker changes of tone are enough.
  config.augment.brightness = 1.1
  config.augment.contrast = 1.1
  config.augment.gamma = 1.1
  config.augment.channels = 1.0
  config.augment.saturation = 1.1
  # The segmenter is convolutional: four small windows teach more than one large
  # window at the same cost.
  config.train.segmenter.crop = (153, 153)
  config.train.segmenter.batch = 12
  config.train.segmenter.steps = 1200
  config.train.refiner.crop = (153, 153)
  # About frequency ** -1/3: buildings cover less than 1 % of the pixels.
  weights = (0.8, 1.0, 2.4, 1.9, 1.6, 3.2, 2.5)
  for training in config.train.values():
    training.class_weights = weights
  return config
