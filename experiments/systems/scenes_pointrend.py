"""PointRend on generated scenes, in small batches for few minutes."""

import ml_collections

from magnet_jax.configs import pointrend


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings."""
  config = pointrend.get_config()
  config.train.segmenter.batch = 6
  return config
