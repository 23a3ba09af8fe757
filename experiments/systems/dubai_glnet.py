"""GLNet on Dubai: narrow, one part of an image at a time for few minutes."""

import ml_collections

from magnet_jax.configs import dubai


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings."""
  config = dubai.get_config()
  config.segmenter.name = 'glnet'
  config.segmenter.centred = True  # as the trunk was trained
  # The last layer of the local branch sees eight times the head's features.
  config.segmenter.pyramid, config.segmenter.head = 32, 16
  config.tune.images = 0
  training = config.train.segmenter
  training.loss = 'focal'
  # The images are of 25 to 460 windows, and no step could hold them all.
  training.crop = (1224, 1224)
  training.scale_jitter = 1.0
  training.patience = 0
  training.batch = 1
  training.validate_every, training.validation_batches = 75, 4
  return config
