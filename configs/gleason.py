"""Gleason 2019 as in the publication of MagNet: PSPNet on ResNet-101.

Source: Huynh et al., CVPR 2021, supplement.
Data: magnet-jax prepare gleason2019 --manual_dir=DIR
Command: magnet-jax train --config=gleason --workdir=runs/gleason
Time: about a day on one GPU.
Score: none; no weights were published, and it has not been trained here.
"""

import ml_collections

from magnet_jax.configs import _published as published
from magnet_jax.configs import default

_IMAGES = 195


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings for Gleason 2019."""
  config = default.get_config()
  published.data(config, 'gleason2019', 'gleason')
  config.data.test = 'val'  # labels of the test images are not public
  config.plan.network = (625, 625)
  config.plan.scales = ((625, 625), (1250, 1250), (2500, 2500), (5000, 5000))
  published.refinement(config, points='32768', kernel=11)
  config.segmenter = ml_collections.ConfigDict(
    {'name': 'pspnet', 'trunk': 'resnet101', 'dtype': 'float32'}
  )
  published.training(config, images=_IMAGES, rate=1e-3)
  return config
