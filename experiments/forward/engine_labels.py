"""How far labels on other engines are from those of XLA.

    python experiments/forward/engine_labels.py --models=scenes --images=3
    python experiments/forward/engine_labels.py \\
      --models=runs/carrotweed --config=carrotweed --split=val

Prints, for each model, engine and precision, the share of labels that are those
of XLA in float32, and the mIoU if the images have labels of the model's
classes. The images are generated scenes that no training has seen, or those of
a config's split.
"""

import argparse
from collections.abc import Iterator
import pathlib
import sys

import numpy as np

from magnet_jax.cli import config_file
from magnet_jax.data import classes
from magnet_jax.data.splits import Splits
from magnet_jax.engines import sessions
from magnet_jax.engines.sessions import ENGINES
from magnet_jax.files import checkpoints
from magnet_jax.metrics import confusion
from magnet_jax.predict import engines
from magnet_jax.predict import model as models
from magnet_jax.predict.model import Model
from magnet_jax.scenes import generator
from magnet_jax.types import Sample

_FIRST = 10_000  # seed of the first scene: no training has seen these


def _placed(name: str, model: Model) -> Iterator[tuple[str, Model]]:
  """The model on each engine, and in each precision that it has."""
  yield f'{engines.XLA} float32', model
  variables, meta = checkpoints.load(name)
  for network in ('segmenter', 'refiner'):
    if network in meta.config:
      meta = meta.override(network, dtype='bfloat16')
  yield (
    f'{engines.XLA} bfloat16',
    models.from_variables(variables, meta, name=name),
  )
  for engine, row in ENGINES.items():
    for precision in row.precisions if sessions.installed(engine) else ():
      yield f'{engine} {precision}', engines.use(model, engine, precision)


def _rows(
  name: str, scenes: list[Sample], names: tuple[str, ...]
) -> Iterator[str]:
  """Lines of the table of a model; `names` are the labels' classes."""
  model = models.load(name)
  scored = model.classes.names == names
  wanted: list[np.ndarray] = []
  for engine, placed in _placed(name, model):
    labels = [placed.segment(scene.image).label for scene in scenes]
    wanted = wanted or labels
    same = np.mean(
      [np.mean(a == b) for a, b in zip(labels, wanted, strict=True)]
    )
    short = pathlib.Path(name).stem
    line = f'{short:12}{engine:20}{100 * same:10.4f}'
    if scored:
      count = len(model.classes)
      matrix = sum(
        confusion.confusion_matrix(scene.label, label, count)
        for scene, label in zip(scenes, labels, strict=True)
      )
      line += f'{100 * confusion.mean_iou(matrix):10.2f}'
    yield line


def main(argv: list[str]) -> int:
  """Prints the table; returns the exit status."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--models', default='scenes,aerial')
  parser.add_argument('--images', type=int, default=3)
  parser.add_argument('--size', type=int, default=1224)
  parser.add_argument('--config', default='', help='whose images to use')
  parser.add_argument('--split', default='val')
  given = parser.parse_args(argv)
  names = generator.CLASSES.names
  if given.config:
    config = config_file.load(given.config)
    source = Splits(config.data)[given.split]
    count = min(given.images, len(source))
    scenes = [source[number] for number in range(count)]
    names = classes.get(config.data.classes).names
  else:
    size = (given.size, given.size)
    scenes = [generator.generate(_FIRST + i, size) for i in range(given.images)]
  print(f'{"model":12}{"engine":20}{"% alike":>10}{"mIoU %":>10}')
  for name in given.models.split(','):
    for line in _rows(name, scenes, names):
      print(line, flush=True)
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
