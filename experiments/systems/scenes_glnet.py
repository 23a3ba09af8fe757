"""GLNet on generated scenes: narrow, one at a time for few minutes."""

import ml_collections

from magnet_jax.configs import glnet


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings."""
  config = glnet.get_config()
  # The last layer of the local branch sees eight times the head's features.
  config.segmenter.pyramid, config.segmenter.head = 32, 16
  training = config.train.segmenter
  # Each step of the last part sees all 36 windows of an image, as validations
  # do, of which only those of the last part say anything.
  training.batch = 1
  training.validate_every, training.validation_batches = 75, 4
  return config
