"""Cityscapes as in the publication of MagNet: HRNet-W18-small-v2 + OCR.

Source: Huynh et al., CVPR 2021.
Data: magnet-jax prepare cityscapes_magnet --manual_dir=DIR
Command: magnet-jax train --config=cityscapes --workdir=runs/cityscapes
Published weights: magnet-jax convert cityscapes_hrnet.pth \
  cityscapes_refinement_512.pth cityscapes_refinement_1024.pth \
  cityscapes_refinement_2048.pth --config=cityscapes --out=cityscapes
Time: days on one GPU for the segmenter, hours for the refiners.
Score: mIoU of stage 0 63.24, MagNet 68.20 (val, published weights; not trained
here).
"""

import ml_collections

from magnet_jax.configs import _published as published
from magnet_jax.configs import default

_IMAGES = 2975
# From HRNet's training on this data set: rarer classes weigh slightly more.
_WEIGHTS = (
  0.8373, 0.918, 0.866, 1.0345, 1.0166, 0.9969, 0.9754, 1.0489, 0.8786,
  1.0023, 0.9539, 0.9843, 1.1116, 0.9037, 1.0865, 1.0955, 1.0865, 1.1529,
  1.0507,
)  # fmt: skip


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings for Cityscapes."""
  config = default.get_config()
  published.data(config, 'cityscapes_magnet', 'cityscapes')
  config.data.test = 'val'  # labels of the test split are not public
  config.plan.network = (128, 256)
  config.plan.scales = ((128, 256), (256, 512), (512, 1024), (1024, 2048))
  published.refinement(config, points='32768', kernel=5)
  config.refiner.count = 3  # one per scale
  config.segmenter = ml_collections.ConfigDict(
    {
      'name': 'hrnet_ocr',
      'trunk': 'hrnet18',
      'stem_stride': 1,
      'dtype': 'float32',
    }
  )
  published.training(config, images=_IMAGES, rate=1e-2)
  config.train.segmenter.class_weights = _WEIGHTS
  config.train.segmenter.scale_jitter = 2.0
  return config
