"""Generated scenes by octaves from the whole image, with MagNet's refiner.

Source: as configs/scenes.py.
Command: magnet-jax train --config=experiments/scenes/with_refiner.py \
  --workdir=runs/scenes-refiner
Time: an hour on one to two CPU cores.
Score: mIoU of patch 75.6, MagNet 79.0 (test, 8 scenes).
"""

from magnet_jax.configs import scenes

get_config = scenes.with_refiner
