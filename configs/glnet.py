"""GLNet on generated scenes: small networks for the CPU.

Source: Chen et al., CVPR 2019; published: ResNet-50 and the widths that are the
network's defaults, windows of 508 pixels, Adam at 5e-5, batches of 6.
Trunk: EfficientNet-Lite0, ImageNet weights, Apache-2.0.
Command: magnet-jax train --config=glnet --workdir=runs/glnet
Time: not measured at this size.
Score: not measured.
"""

import ml_collections

from magnet_jax.configs import scenes


def get_config() -> ml_collections.ConfigDict:
  """Returns small settings for GLNet."""
  config = scenes.with_refiner()
  config.data.scene_size = (1224, 1224)
  config.plan.network = (254, 254)  # 36 windows of a scene, as published
  config.segmenter.name = 'glnet'
  config.segmenter.centred = True  # as the trunk was trained
  config.refine.fusion = 'mean'  # nothing else is trained
  training = config.train.segmenter
  training.loss = 'focal'
  training.crop = (0, 0)  # whole images, and whole windows
  training.scale_jitter = 1.0
  training.patience = 0
  training.batch = 2  # images
  training.steps = 900
  return config
