"""What CascadePSP's way of cutting masks out costs by itself.

  python experiments/systems/masks_alone.py

The network returns each mask as it is, and the map that is corrected is true.
"""

import numpy as np

import magnet_jax
from magnet_jax.cascade import cascade_psp, mask_correction
from magnet_jax.metrics import confusion
from magnet_jax.models.cascade_psp import Looks
from magnet_jax.scenes import generator

SEEDS = 5000, 5001
SIDE = 1224
SETTINGS = {'side': 256, 'margin': 8, 'smallest': 1024}


def unchanged(images, masks, coarse=None):
  """Returns the masks as logits."""
  del images, coarse
  return Looks(2 * masks, (2 * masks, 2 * masks), (2 * masks, 2 * masks))


def main() -> None:
  """Prints the mean IoU for each limit of the reduction."""
  run = mask_correction.steps(unchanged)
  count = len(generator.CLASSES)
  for seed in SEEDS:
    scene = magnet_jax.generate_scene(seed, (SIDE, SIDE))
    maps = np.eye(count, dtype=np.float32)[scene.label] * 0.88 + 0.02
    maps /= maps.sum(-1, keepdims=True)
    for reduction in (0, 4, 2, 1):
      found = cascade_psp.correct(
        scene.image, maps, run=run, reduction=reduction, **SETTINGS
      )
      label = found.argmax(-1).astype(np.uint8)
      matrix = confusion.confusion_matrix(scene.label, label, count)
      miou = 100 * confusion.mean_iou(matrix, ())
      print(f'scene {seed}, reduction {reduction}: mIoU {miou:.1f} %')


if __name__ == '__main__':
  main()
