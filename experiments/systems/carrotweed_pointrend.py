"""PointRend on Carrot-Weed, in small batches for few minutes."""

import ml_collections

from magnet_jax.configs import carrotweed, pointrend


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings."""
  config = carrotweed.get_config()
  pointrend.small(config)
  config.train.segmenter.batch = 6
  config.tune.images = 0
  return config
