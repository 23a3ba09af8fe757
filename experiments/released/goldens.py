"""How near the released pipeline comes to the published one, stage by stage.

Example:
  python experiments/released/goldens.py FOLDER

FOLDER holds the published code's whole outputs `released_pipeline_19.npz` and
`released_pipeline_7.npz` with their `seeded_weights.py`; the tests have parts
of them. Both are the stages of a generated image with seeded refiners.
"""

import argparse
from collections.abc import Iterator
import importlib.util
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade import released
from magnet_jax.cascade.cascade import Cascade, StageResult
from magnet_jax.cascade.options import Options
from magnet_jax.models import build
from magnet_jax.refiners import magnet
from magnet_jax.weights import torch_weights

REFINERS = {
  19: ('refiner19_512', 'refiner19_1024', 'refiner19_2048'),
  7: ('refiner7',),
}


def _seeded_weights(folder: pathlib.Path) -> Any:
  path = folder / 'seeded_weights.py'
  spec = importlib.util.spec_from_file_location('seeded_weights', path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def _refiner(state: dict[str, np.ndarray], num_classes: int) -> Any:
  module = build.refinement(num_classes=num_classes)
  maps = jnp.zeros((1, 8, 8, num_classes))
  template = jax.eval_shape(
    lambda: module.init(jax.random.key(0), scale=maps, coarse=maps)
  )
  variables, _ = torch_weights.from_torch(state, 'refiner', template)
  return jax.tree_util.Partial(module.apply, variables)


def _segment(weight: jax.Array, bias: jax.Array, images: jax.Array) -> Any:
  return images @ weight + bias.reshape(1, 1, 1, -1)


def results(
  folder: pathlib.Path, num_classes: int, golden: dict[str, np.ndarray]
) -> Iterator[StageResult]:
  """Our stages of the golden's image."""
  seeded = _seeded_weights(folder)
  network = tuple(golden['input_wh'][::-1].tolist())
  cascade = Cascade(
    jax.tree_util.Partial(
      _segment, golden['segmenter_weight'].T, golden['segmenter_bias']
    ),
    [
      magnet.refiner(_refiner(seeded.seeded_state(name), num_classes))
      for name in REFINERS[num_classes]
    ],
    network=network,
    options=Options(
      points=golden['n_points'].item(), kernel=golden['kernel'].item()
    ),
    policy=released.RELEASED,
  )
  plan = released.planner(
    {
      'network': network,
      'window': golden['crop_wh'][::-1].tolist(),
      'scales': golden['scales_wh'][:, ::-1].tolist(),
    }
  )
  image = golden['image']
  return cascade.stages(image, plan(image.shape[:2]))


def line(result: StageResult, golden: dict[str, np.ndarray]) -> str:
  """One stage against the golden."""
  stage, found = f'stage{result.stage.index}', result.probabilities
  stride = 4 if result.stage.index == 0 else 8
  maps = np.moveaxis(golden[f'{stage}_probs_stride{stride}'], 0, -1)
  difference = np.abs(found[::stride, ::stride] - maps).max(-1)
  agreed = (found.argmax(-1) == golden[f'{stage}_argmax']).mean()
  text = f'  {stage}: argmax {100 * agreed:.4f} %, '
  if result.chosen is not None:
    points = np.unpackbits(golden[f'{stage}_points_packed'])
    points = points[: result.chosen.size].astype(bool)
    points = points.reshape(result.chosen.shape)
    both = (points & result.chosen).sum()
    jaccard = both / (points | result.chosen).sum()
    difference = difference[(points == result.chosen)[::stride, ::stride]]
    text += f'points {int(points.sum())}, Jaccard {jaccard:.6f}, '
  return text + f'probabilities to {difference.max():.1e} where alike'


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('folder', type=pathlib.Path)
  folder = parser.parse_args().folder
  for num_classes in REFINERS:
    with np.load(folder / f'released_pipeline_{num_classes}.npz') as file:
      golden = dict(file)
    print(f'released_pipeline_{num_classes}:')
    for result in results(folder, num_classes, golden):
      print(line(result, golden), flush=True)


if __name__ == '__main__':
  main()
