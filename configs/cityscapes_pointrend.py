"""Cityscapes with the published network of PointRend: ResNet-101 and FPN.

Source: Kirillov et al., CVPR 2020; the training is that of the config
cityscapes, on crops of 512x1024.
Data: magnet-jax prepare cityscapes_magnet --manual_dir=DIR
Command: magnet-jax train --config=cityscapes_pointrend --workdir=runs/pointrend
Published weights: magnet-jax convert model_final.pkl --out=runs/pointrend
Time: days on several GPUs.
Score: mIoU 78.9 (val, published; not trained here).
"""

import ml_collections

from magnet_jax.configs import cityscapes


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings for PointRend on Cityscapes."""
  config = cityscapes.get_config()
  config.plan.network = (1024, 2048)  # the whole image
  config.plan.scales = ()
  config.refine.fusion = 'mean'  # nothing else is trained
  config.segmenter = ml_collections.ConfigDict(
    {'name': 'pointrend', 'trunk': 'resnet101', 'dtype': 'float32'}
  )
  config.train.segmenter.crop = (512, 1024)
  return config
