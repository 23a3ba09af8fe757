"""What CascadePSP mends with a network that finds every true mask.

  python experiments/systems/masks_at_best.py

The maps are those of patch by the embedded model. The image that the network is
shown is the true label, from which it returns the class that is most like the
mask it is given. What is left wrong is what its crops do not show.
"""

import jax.numpy as jnp
import numpy as np
from present_classes import present_iou

import magnet_jax
from magnet_jax.cascade import cascade_psp, labels, mask_correction
from magnet_jax.methods import table
from magnet_jax.metrics import confusion
from magnet_jax.models.cascade_psp import Looks
from magnet_jax.ops import normalise
from magnet_jax.scenes import generator

SEEDS = 5000, 5001
SIDE = 1224
COUNT = len(generator.CLASSES)
SETTINGS = {'side': 256, 'margin': 8, 'reduction': 1}
CHOICES = (
  {'least_share': 0.1, 'smallest': 1024},
  {'least_share': 0.0, 'smallest': 1024},
  {'least_share': 0.0, 'smallest': 64},
)


def perfect(images, masks, coarse=None):
  """Returns the true masks as logits."""
  del coarse
  label = jnp.rint(255 * normalise.colours(images)[..., 0])
  truths = 2.0 * (label[..., None] == jnp.arange(COUNT)) - 1
  likeness = (truths * masks[..., None]).mean((1, 2), keepdims=True)
  best = (likeness == likeness.max(-1, keepdims=True)).astype(jnp.float32)
  found = 9 * (truths * best).sum(-1)
  return Looks(found, (found, found), (found, found))


def main() -> None:
  """Prints the mean IoU of the classes that are there, before and after."""
  model = magnet_jax.load_model('scenes')
  patch = table.make(model, ['patch'])['patch']
  run = mask_correction.steps(perfect)

  def report(name: str, label: np.ndarray, maps: np.ndarray) -> None:
    matrix = confusion.confusion_matrix(label, labels.predict(maps), COUNT)
    print(f'{name}: {100 * present_iou(matrix):.1f} %', flush=True)

  for seed in SEEDS:
    scene = magnet_jax.generate_scene(seed, (SIDE, SIDE))
    maps, _ = patch.segment(scene.image)
    report(f'scene {seed}, patch', scene.label, maps)
    shown = np.repeat(scene.label[..., None], 3, axis=-1)
    for choice in CHOICES:
      found = cascade_psp.correct(shown, maps, run=run, **SETTINGS, **choice)
      name = ', '.join(f'{key} {value}' for key, value in choice.items())
      report(f'scene {seed}, {name}', scene.label, found)


if __name__ == '__main__':
  main()
