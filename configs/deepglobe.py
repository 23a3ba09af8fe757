"""DeepGlobe land cover as in the publication of MagNet: ResNet50-FPN.

Source: Huynh et al., CVPR 2021.
Data: magnet-jax prepare deepglobe_land_cover --manual_dir=DIR
Command: magnet-jax train --config=deepglobe --workdir=runs/deepglobe
Published weights: magnet-jax convert deepglobe_fpn.pth \
  deepglobe_refinement.pth --config=deepglobe --out=deepglobe
Time: about a day on one GPU.
Score: mIoU of stage 0 67.22, MagNet 72.10 (test, published weights; the paper
reports 72.96; not trained here).
"""

import ml_collections

from magnet_jax.configs import _published as published
from magnet_jax.configs import default

_IMAGES = 454


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings for DeepGlobe."""
  config = default.get_config()
  published.data(config, 'deepglobe_land_cover', 'deepglobe')
  config.plan.network = (508, 508)
  config.plan.window = (612, 612)
  config.plan.scales = ((612, 612), (1224, 1224), (2448, 2448))
  published.refinement(config, points=0.75, kernel=11)
  config.segmenter = ml_collections.ConfigDict(
    {'name': 'fpn', 'trunk': 'resnet50', 'dtype': 'float32'}
  )
  published.training(config, images=_IMAGES, rate=1e-3)
  return config
