"""PointRend on Dubai, in small batches for few minutes."""

import ml_collections

from magnet_jax.configs import dubai, pointrend


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings."""
  config = dubai.get_config()
  pointrend.small(config)
  config.train.segmenter.batch = 6
  config.tune.images = 0
  return config
