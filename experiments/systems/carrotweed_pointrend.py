"""PointRend on Carrot-Weed, in small batches for few minutes."""

import ml_collections

from magnet_jax.configs import carrotweed


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings."""
  config = carrotweed.get_config()
  config.segmenter.name = 'pointrend'
  config.segmenter.units = 64  # features of the point head's layers
  config.segmenter.points = 512  # on which the head is trained, of each window
  config.train.segmenter.batch = 6
  config.tune.images = 0
  return config
