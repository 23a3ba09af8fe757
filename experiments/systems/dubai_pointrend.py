"""PointRend on Dubai, in small batches for few minutes."""

import ml_collections

from magnet_jax.configs import dubai


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings."""
  config = dubai.get_config()
  config.segmenter.name = 'pointrend'
  config.segmenter.units = 64  # features of the point head's layers
  config.segmenter.points = 512  # on which the head is trained, of each window
  config.train.segmenter.batch = 6
  config.tune.images = 0
  return config
