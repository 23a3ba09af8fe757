"""How wrong the masks of a segmenter are, near their outlines and beyond.

  python experiments/systems/masks_of_patch.py

The masks are those of patch by the embedded model, on scenes of val.
"""

import numpy as np

import magnet_jax
from magnet_jax.cascade import labels
from magnet_jax.data import mask_perturbation
from magnet_jax.methods import table
from magnet_jax.scenes import generator

SEEDS = 1010, 1011, 1012
SIDE = 1224
LEAST = 500  # pixels of a class that is counted
BAND = 8  # pixels on both sides of an outline


def main() -> None:
  """Prints intersection over union in all and near outlines, by class."""
  model = magnet_jax.load_model('scenes')
  patch = table.make(model, ['patch'])['patch']
  print(f'scene,class,iou,iou within {BAND} pixels,of what is wrong')
  for seed in SEEDS:
    scene = magnet_jax.generate_scene(seed, (SIDE, SIDE))
    found = labels.predict(patch.segment(scene.image)[0])
    for index, name in enumerate(generator.CLASSES.names):
      truth = (scene.label == index).astype(np.uint8)
      mask = (found == index).astype(np.uint8)
      if truth.sum() < LEAST:
        continue
      near = mask_perturbation.near_outlines(truth, BAND)
      wrong = truth != mask
      print(
        f'{seed},{name}',
        f'{mask_perturbation.iou(truth, mask):.2f}',
        f'{mask_perturbation.iou(truth & near, mask & near):.2f}',
        f'{wrong[near > 0].sum() / max(wrong.sum(), 1):.2f}',
        sep=',',
      )


if __name__ == '__main__':
  main()
