"""Carrot-Weed with octaves from the whole image and a trained refiner.

Source: trained from random weights.
Command: magnet-jax train --config=experiments/carrotweed/with_refiner.py \
  --workdir=runs/carrotweed-refiner
Time: 26 minutes on one CPU core without the folds of train.refiner.unseen.
Score: mIoU of stage 0 69.9, MagNet 76.6 (test, 10 images).
"""

from magnet_jax.configs import carrotweed

get_config = carrotweed.with_refiner
