"""GLNet on Carrot-Weed: narrow, one image at a time for few minutes."""

import ml_collections

from magnet_jax.configs import carrotweed


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings."""
  config = carrotweed.get_config()
  config.segmenter.name = 'glnet'
  config.segmenter.centred = True  # as the trunk was trained
  # The last layer of the local branch sees eight times the head's features.
  config.segmenter.pyramid, config.segmenter.head = 32, 16
  # A step sees all windows of an image: 16, at the scale at which windows on
  # their own are best.
  config.plan.window = (612, 816)
  config.tune.images = 0
  training = config.train.segmenter
  training.loss = 'focal'
  training.crop = (0, 0)  # whole images, and whole windows
  training.scale_jitter = 1.0
  training.patience = 0
  training.batch = 1
  training.validate_every, training.validation_batches = 75, 4
  return config
