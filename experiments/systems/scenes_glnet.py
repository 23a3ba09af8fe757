"""GLNet on generated scenes: narrow, for half an hour on a core."""

import ml_collections

from magnet_jax.configs import glnet


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings."""
  config = glnet.get_config()
  # The last layer of the local branch sees eight times the head's features.
  config.segmenter.pyramid, config.segmenter.head = 32, 16
  training = config.train.segmenter
  # All 36 windows of an image are looked at in a step of the last part, and in
  # validations, of which only those of the last part say anything.
  training.batch = 2
  training.validate_every, training.validation_batches = 100, 4
  return config
