"""PointRend on generated scenes: a small network for the CPU.

Source: Kirillov et al., CVPR 2020; published: ResNet-101 and the widths that
are the network's defaults, 2048 points of an image.
Trunk: EfficientNet-Lite0, ImageNet weights, Apache-2.0.
Command: magnet-jax train --config=pointrend --workdir=runs/pointrend
Time: under an hour on one to two CPU cores, estimated from that of a step.
Score: mIoU of patch 40.6, pointrend 57.3 (val, 2 scenes), after 12 minutes with
--config.data.train_scenes=16 --config.data.val_scenes=2
--config.train.segmenter.batch=6 --config.train.segmenter.steps=600 --hours=0.2
"""

import ml_collections

from magnet_jax.configs import scenes


def get_config() -> ml_collections.ConfigDict:
  """Returns small settings for PointRend."""
  config = scenes.with_refiner()
  small(config)
  config.refine.fusion = 'mean'  # nothing else is trained
  return config


def small(config: ml_collections.ConfigDict) -> None:
  """Makes the segmenter a PointRend with a small head for the CPU."""
  config.segmenter.name = 'pointrend'
  config.segmenter.units = 64  # features of the point head's layers
  config.segmenter.points = 512  # on which the head is trained, of each window
