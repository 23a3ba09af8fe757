"""Carrot-Weed with networks that see the photographs at full size: worse.

Source: configs/carrotweed.py, windows of half a side.
Command: magnet-jax train --config=experiments/carrotweed/full_size.py \
  --workdir=runs/carrotweed-full
Time: 40 minutes on two busy CPU cores.
Score: mIoU of stage 0 68.8, MagNet 72.8 (test, 10 images).
"""

import ml_collections

from magnet_jax.configs import carrotweed


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings for Carrot-Weed at full size."""
  config = carrotweed.with_refiner()
  config.plan.window = (0, 0)  # as the networks see them: five stages
  # Chosen on val among .05, .1, .2 and .9: many points overrule the context.
  config.refine.points = 0.05
  config.train.refiner.crop = (0, 0)
  return config
