"""How certain must SegFix be of a direction? On val, by the map of patch.

  python experiments/systems/segfix_certainty.py MODEL

MODEL is a run or an exported model with SegFix for generated scenes.
"""

import sys

import magnet_jax
from magnet_jax.cascade import labels
from magnet_jax.configs import scenes
from magnet_jax.data import splits
from magnet_jax.files import checkpoints, tuned
from magnet_jax.methods import table
from magnet_jax.metrics import confusion
from magnet_jax.predict import correctors

CERTAINTIES = 0.0, 0.3, 0.5, 0.7, 0.8, 0.9
IMAGES = 3
SIDE = 1224


def main(path: str) -> None:
  """Prints the mean IoU of the summed confusion matrices for each."""
  model = magnet_jax.load_model(path)
  patch = table.make(model, ['patch'])['patch']
  config = scenes.get_config()
  config.data.scene_size = (SIDE, SIDE)
  images = splits.open_split(config.data, 'val')
  samples = [images[number] for number in range(IMAGES)]
  maps = [patch.segment(sample.image)[0] for sample in samples]
  variables, meta = checkpoints.load(path)
  count = len(model.classes)

  def report(name: str, found: list) -> None:
    matrix = sum(
      confusion.confusion_matrix(sample.label, labels.predict(each), count)
      for sample, each in zip(samples, found, strict=True)
    )
    print(f'{name}: mIoU {100 * confusion.mean_iou(matrix, ()):.1f} %')

  report('patch', maps)
  only = {'refiner_segfix': variables['refiner_segfix']}
  settings = meta.section('correctors')['segfix']
  for certainty in CERTAINTIES:
    changed = {'segfix': {**settings, 'certainty': certainty}}
    with_it = tuned.lay_over(meta, {'correctors': changed})
    segfix = correctors.load(only, with_it, count, path)['segfix']
    found = [
      segfix.apply(sample.image, each)
      for sample, each in zip(samples, maps, strict=True)
    ]
    report(f'certainty {certainty}', found)


if __name__ == '__main__':
  if len(sys.argv) != 2:
    sys.exit(__doc__)
  main(sys.argv[1])
