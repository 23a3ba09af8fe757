"""GLNet on generated scenes, one at a time for few minutes."""

import ml_collections

from magnet_jax.configs import glnet


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings."""
  config = glnet.get_config()
  config.train.segmenter.batch = 1
  return config
