"""The aligned and the released pipeline, with the same networks and images.

Example:
  python experiments/released/run.py runs/scenes-refiner --scenes=6 --size=1224

Scenes are those of the config 'scenes' that follow its test split, at any
size. Both pipelines run a model with MagNet's refiner, such as that of
experiments/scenes/with_refiner.py, with its own settings on the same plan: how
much they differ stage by stage, and which of them is better. A third,
`aligned-image`, is the aligned one with K counted over the stage, as the
released one counts it.
"""

import argparse
import dataclasses
import sys
import time

import numpy as np

from magnet_jax.configs import scenes as scenes_config
from magnet_jax.data import sources
from magnet_jax.evaluate import measuring, summary, tables
from magnet_jax.predict import model as models


def pipelines(model: models.Model) -> dict[str, tuple[models.Model, dict]]:
  """The three ways to run a model, by name."""
  return {
    'aligned': (model, {}),
    'aligned-image': (model, {'selection': 'image'}),
    'released': (dataclasses.replace(model, pipeline='released'), {}),
  }


def measure(sample, name, model, changes):
  """All stages of one scene, and its record."""
  cascade, plan = model.cascade(**changes), model.plan(sample.label.shape)
  started = time.perf_counter()
  results = list(cascade.stages(sample.image, plan))
  record = {
    'image': sample.name,
    'method': name,
    'windows': sum(len(result.windows) for result in results),
    'seconds': time.perf_counter() - started,
  }
  prediction = results[-1].probabilities.argmax(-1).astype(np.uint8)
  return results, record | measuring.score(
    sample.label, prediction, model.classes
  )


def differences(ours, theirs):
  """Per stage: share of equal classes, mean difference of probabilities."""
  return [
    (
      (a.probabilities.argmax(-1) == b.probabilities.argmax(-1)).mean(),
      np.abs(a.probabilities - b.probabilities).mean(),
    )
    for a, b in zip(ours, theirs, strict=True)
  ]


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('run', help='its folder, or an exported model')
  parser.add_argument('--scenes', type=int, default=4)
  parser.add_argument('--size', type=int, default=2448)
  flags = parser.parse_args()
  ways = pipelines(models.load(flags.run))
  data = scenes_config.get_config().data
  source = sources.SceneSource(
    data.first_seed + data.test_scenes,
    flags.scenes,
    (flags.size, flags.size),
  )
  print('python', *sys.argv, flush=True)
  found, apart = [], []
  for index in range(len(source)):
    sample = source[index]
    results = {}
    for name, (model, changes) in ways.items():
      results[name], record = measure(sample, name, model, changes)
      found.append(record)
      scores = f'{100 * record["miou"]:.2f} {100 * record["boundary_iou"]:.2f}'
      print(f'{sample.name} {name}: {scores}', file=sys.stderr, flush=True)
    apart.append(differences(results['aligned'], results['released']))
  print('aligned and released, mean over scenes:')
  for stage, (same, mean) in enumerate(np.mean(apart, axis=0)):
    size = results['released'][stage].stage.size
    print(
      f'  stage {stage} ({size[0]}x{size[1]}): classes equal on '
      f'{100 * same:.2f} %, probabilities {mean:.4f} apart in the mean'
    )
  print(tables.table_text(summary.summarise(found)))
  for other in ('aligned', 'aligned-image'):
    for key in ('miou', 'boundary_iou'):
      difference = summary.paired_difference(found, other, 'released', key)
      text = tables.difference_text(difference)
      print(f'{other} - released, {key}: {text}')


if __name__ == '__main__':
  main()
