"""What is measured: published configurations, with seeded random weights.

    python experiments/original/seeded_models.py --out=seeded deepglobe

writes them as models of this package and prints the command that turns one into
PyTorch files, for a program that is to run the same weights.
"""

import argparse
import dataclasses
import pathlib
import sys

import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade import settings, window_choice
from magnet_jax.cli import config_file
from magnet_jax.data import classes
from magnet_jax.evaluate import random_model
from magnet_jax.files import atomic, bundle
from magnet_jax.models import build
from magnet_jax.models.refiner import join, refiner_count
from magnet_jax.types import InputError, Meta, Size


@dataclasses.dataclass(frozen=True)
class Configuration:
  """A configuration of the publication.

  Attributes:
    config: the name of a shipped config.
    size: (height, width) of its images.
    windows: refined in each stage after the first: a count, or a share.
  """

  config: str
  size: Size
  windows: float | int = 1.0

  def meta(self) -> Meta:
    """Returns the metadata of its networks."""
    config = config_file.load(self.config)
    with config.ignore_type():
      config.refine.windows = self.windows
    table = classes.get(config.data.classes)
    return Meta(config=config.to_dict(), classes=table)

  def count(self) -> int:
    """Returns the number of windows of an image, over all stages."""
    plan = settings.planner(self.meta().section('plan'))(self.size)
    return sum(window_choice.allot(plan, self.windows))


_DEEPGLOBE, _CITYSCAPES = (2448, 2448), (1024, 2048)
CONFIGURATIONS = {
  'deepglobe': Configuration('deepglobe', _DEEPGLOBE),
  'deepglobe_fast': Configuration('deepglobe', _DEEPGLOBE, 3),
  'cityscapes_fast': Configuration('cityscapes', _CITYSCAPES, 4),
  'cityscapes': Configuration('cityscapes', _CITYSCAPES),
}


def select(text: str) -> dict[str, Configuration]:
  """Returns the configurations of names with commas between them.

  Raises:
    InputError: for an unknown name.
  """
  names = [name.strip() for name in text.split(',')]
  for name in names:
    if name not in CONFIGURATIONS:
      raise InputError(
        f'configuration {name!r}: unknown; choose among '
        f'{", ".join(CONFIGURATIONS)}'
      )
  return {name: CONFIGURATIONS[name] for name in names}


def write(configuration: Configuration, path: pathlib.Path) -> None:
  """Writes a model with seeded weights, the same on any machine."""
  meta = configuration.meta()
  rng = np.random.default_rng(0)
  count = len(meta.classes or ())
  segmenter = build.segmenter(num_classes=count, **meta.section('segmenter'))
  number, wanted = refiner_count(meta.section('refiner'))
  refiner = build.refinement(num_classes=count, **wanted)
  pixels, maps = jnp.zeros((1, 64, 64, 3)), jnp.zeros((1, 8, 8, count))
  first = random_model.weights(rng, segmenter, np.asarray(pixels))
  later = [
    random_model.weights(rng, refiner, scale=maps, coarse=maps)
    for _ in range(number)
  ]
  bundle.export(path, {'segmenter': first, 'refiner': join(later)}, meta)


def main(argv: list[str]) -> int:
  """Writes models; returns the exit status."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('names', nargs='+', help=f'of {[*CONFIGURATIONS]}')
  parser.add_argument('--out', type=pathlib.Path, required=True)
  given = parser.parse_args(argv)
  try:
    atomic.prepare_folder(given.out)
    for name, configuration in select(','.join(given.names)).items():
      path = given.out / f'{name}.npz'
      write(configuration, path)
      print(
        f'{path}: {configuration.count()} windows\n'
        f'next: magnet-jax convert {path} --to=pytorch '
        f'--out={given.out / name}'
      )
  except InputError as error:
    parser.error(str(error))
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
