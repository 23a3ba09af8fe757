"""DeepGlobe as in the publication of GLNet: two branches of ResNet-50 and FPN.

Source: Chen et al., CVPR 2019; with AdamW in place of Adam.
Data: magnet-jax prepare deepglobe_land_cover --manual_dir=DIR
Command: magnet-jax train --config=deepglobe_glnet --workdir=runs/glnet
Published weights: magnet-jax convert glnet.pth --out=runs/glnet
Time: days on several GPUs.
Score: mIoU 71.6 (published; not trained here).
"""

import ml_collections

from magnet_jax.configs import deepglobe

_IMAGES, _BATCH = 454, 6
_EPOCHS = 120 + 50 + 120  # of its three trainings


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings for GLNet on DeepGlobe."""
  config = deepglobe.get_config()
  config.plan.window = (0, 0)  # as the network's input: 36 of an image
  config.plan.scales = ()
  config.refine.fusion = 'mean'  # nothing else is trained
  config.segmenter.name = 'glnet'
  training = config.train.segmenter
  training.optimizer, training.rate = 'adamw', 5e-5
  training.loss = 'focal'
  training.batch = _BATCH
  training.steps = _EPOCHS * _IMAGES // _BATCH
  training.validate_every = 10 * _IMAGES // _BATCH
  return config
