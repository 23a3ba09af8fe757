"""Does a streamed image get the labels that it would get in memory?

    python experiments/same_output/stores.py --refiner=RUN PHOTO…

For each way of running the embedded models, and each kind of maps on disk: how
many pixels of a million get another label than in memory, the largest
difference of a probability, how far from 1 the sum of the probabilities is that
are kept, and the bytes on disk per number of all stages' maps. The images are a
generated scene and the upper left part of each photograph.

The scenes' segmenter is also run with MagNet's refiner, if one is given:

    magnet-jax train --config=experiments/scenes/with_refiner.py \\
      --stage=refiner --config.train.refiner.segmenter=scenes --workdir=RUN
"""

import argparse
from collections.abc import Iterator, Sequence
import dataclasses
import pathlib
import tempfile

import numpy as np

from magnet_jax.cascade import disk_workspace, journal, labels
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.disk_workspace import DiskWorkspace, Kept
from magnet_jax.cascade.workspace import SILENT
from magnet_jax.files import embedded, images
from magnet_jax.predict import combine
from magnet_jax.predict import model as models
from magnet_jax.predict.model import Model
from magnet_jax.predict.way import Way
from magnet_jax.rasters.rasters import ArrayRaster
from magnet_jax.scenes import generator
from magnet_jax.types import Stage

SEED = 1001
# Octaves from the whole image, as the paper has them.
OCTAVES = {'first': 0.0, 'factor': 'octave', 'overlap': 0.0}
PLAIN = {'windows': 1.0, 'filter_radius': 0, 'bias': ()}


@dataclasses.dataclass
class Found:
  """What one kind of maps changes.

  Attributes:
    pixels: of all images.
    labels: that differ.
    probability: the largest difference.
    total: the largest distance of a sum from 1.
    stored: bytes of the maps.
    numbers: in the maps.
  """

  pixels: int = 0
  labels: int = 0
  probability: float = 0.0
  total: float = 0.0
  stored: int = 0
  numbers: int = 0

  def add(self, memory: np.ndarray, disk: np.ndarray) -> None:
    """Compares float32 [H,W,C] from memory and from disk."""
    before, after = labels.predict(memory), labels.predict(disk)
    self.pixels += before.size
    self.labels += int((before != after).sum())
    self.probability = max(self.probability, float(np.abs(memory - disk).max()))
    self.total = max(self.total, float(np.abs(disk.sum(-1) - 1).max()))

  def row(self) -> str:
    """Its numbers as the end of a line."""
    million = 1e6 * self.labels / self.pixels
    return (
      f'{self.pixels / 1e6:6.2f} {self.labels:7} {million:9.2f} '
      f'{self.probability:9.1e} {self.total:8.0e} '
      f'{self.stored / self.numbers:6.2f}'
    )


def ways(refiner: str | None) -> Iterator[tuple[str, Model]]:
  """The embedded models as they are run, by name."""
  for name in (embedded.SCENES, embedded.AERIAL):
    model = models.load(name)
    for way, settings in model.ways.items():
      yield f'{name} {way}', model.with_way(settings)
    refine = {**PLAIN, 'fusion': 'mean', 'windows': 0.25}
    yield f'{name} mean .25', model.with_way(Way(OCTAVES, refine))
  if refiner:
    model, _ = combine.load(embedded.SCENES, refiner)
    refine = {**PLAIN, 'fusion': 'magnet', 'points': 0.9}
    yield 'scenes MagNet .9', model.with_way(Way(OCTAVES, refine))


def stream(
  cascade: Cascade, image: np.ndarray, plan: Sequence[Stage], kind: str
) -> tuple[np.ndarray, int]:
  """The last map from disk, float32 [H,W,C], and the bytes of all maps."""
  with tempfile.TemporaryDirectory() as temporary:
    folder = pathlib.Path(temporary) / 'partial'
    with journal.opened(folder, {}) as notes:
      space = DiskWorkspace(
        ArrayRaster(image),
        plan,
        notes,
        kept=Kept(kind, probabilities=True),
        progress=SILENT,
      )
      for stage, _ in cascade.run(plan, space):
        last = space.result(stage).probabilities
    assert last is not None
    files = [f for f in folder.glob('stage*/c/**/*') if f.is_file()]
    stored = sum(file.stat().st_size for file in files)
    return last.read(0, 0, *last.size), stored


def compare(model: Model, pictures: Sequence[np.ndarray]) -> dict[str, Found]:
  """What each kind of maps changes in a way of running a model."""
  cascade = model.cascade()
  found = {kind: Found() for kind in reversed(disk_workspace.KINDS)}
  for image in pictures:
    plan = model.plan((image.shape[0], image.shape[1]))
    memory = cascade.segment(image, plan)
    for kind, each in found.items():
      disk, stored = stream(cascade, image, plan, kind)
      each.add(memory, disk)
      each.stored += stored
      pixels = sum(stage.size[0] * stage.size[1] for stage in plan)
      each.numbers += pixels * memory.shape[-1]
  return found


def main(photographs: Sequence[str], size: int, refiner: str | None) -> None:
  """Compares all ways, a line each and kind of maps."""
  pictures = [generator.generate(SEED, (size, size)).image]
  pictures += [images.read_image(name)[:size, :size] for name in photographs]
  print(
    f'{"way":22} {"maps":8} {"MP":>6} {"pixels":>7} {"a million":>9} '
    f'{"largest":>9} {"sum - 1":>8} {"bytes":>6}'
  )
  for way, model in ways(refiner):
    for kind, found in compare(model, pictures).items():
      print(f'{way:22} {kind:8} {found.row()}', flush=True)


if __name__ == '__main__':
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('photographs', nargs='*')
  parser.add_argument('--size', type=int, default=2448)
  parser.add_argument('--refiner')
  given = parser.parse_args()
  main(given.photographs, given.size, given.refiner)
