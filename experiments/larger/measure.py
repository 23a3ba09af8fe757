"""Memory and time of one image: JSON on one line. Run by memory.sh.

    python experiments/larger/measure.py scene.tif uint16 out --network=narrow

The process has imported all and compiled all before memory is measured; what
it takes above that is images, maps and windows. 'embedded' are the networks
that come with the package; 'narrow' ones do next to nothing with windows of
the same size and count, so that what is left is the loop itself.
"""

import argparse
import dataclasses
import itertools
import json
import pathlib
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import psutil

from magnet_jax.cascade import device_memory
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.evaluate.memory import PeakMemory
from magnet_jax.files import embedded
from magnet_jax.methods import method as methods
from magnet_jax.methods import table
from magnet_jax.predict import batch_run
from magnet_jax.predict import model as models
from magnet_jax.predict.budget import Budget
from magnet_jax.predict.outputs import Outputs
from magnet_jax.predict.task import Recipe
from magnet_jax.rasters import open_image
from magnet_jax.refiners import magnet


class Counted:
  """Seconds, windows and memory of what a run says that it does.

  Attributes:
    windows: all that were refined.
    phases: (what, seconds, windows, MB) of each.
  """

  def __init__(self) -> None:
    self.windows = 0
    self.phases: list[tuple[str, float, int, int]] = []
    self._name = ''

  def begins(self, name: str, windows: int, later: int) -> None:
    pass

  def ends(self) -> None:
    self.says('end')

  def says(self, text: str) -> None:
    text = text.partition(',')[0]
    if text == self._name:
      return
    now = time.perf_counter()
    if self._name:
      self._memory.__exit__(None, None, None)
      self.phases.append(
        (
          self._name,
          round(now - self._start, 3),
          self.windows - self._before,
          round(self._memory.peak_mb),
        )
      )
    self._name, self._start, self._before = text, now, self.windows
    self._memory = PeakMemory()
    self._memory.__enter__()

  def done(self, windows: int) -> None:
    self.windows += windows

  def skipped(self, windows: int) -> None:
    pass

  def remarks(self, line: str) -> None:
    print(line, file=sys.stderr)


def _segmenter(weights: jax.Array, images: jax.Array) -> jax.Array:
  return images @ weights


def _refiner(
  weight: jax.Array, *, scale: jax.Array, coarse: jax.Array
) -> jax.Array:
  return weight * jnp.log(scale + 1e-6) + jnp.log(coarse + 1e-6)


def make(network: str) -> models.Model:
  """The embedded model scenes, or one that looks at single pixels."""
  model = models.load(embedded.file('scenes'))
  if network == 'embedded':
    return model
  rng = np.random.default_rng(0)
  weights = rng.normal(0, 1, (3, len(model.classes))).astype(np.float32)
  return dataclasses.replace(
    model,
    segmenter=jax.tree_util.Partial(_segmenter, weights),
    refiners=(
      magnet.refiner(jax.tree_util.Partial(_refiner, np.float32(0.5))),
    ),
  )


def device_bytes(model: models.Model, size: tuple[int, int]) -> int:
  """The most that a program of the run takes, by the compiler's account."""
  cascade = model.cascade()
  return max(
    device_memory.program_bytes(
      model.segmenter,
      model.refiners[0],
      before,
      stage,
      network=cascade.network,
      points=cascade.options.points,
      kernel=cascade.options.kernel,
      batch=cascade.batch,
    )
    for before, stage in itertools.pairwise(model.plan(size))
  )


def main(
  path: pathlib.Path, store: str, out: pathlib.Path, network: str
) -> None:
  """Segments the image and prints what it took."""
  model = make(network)
  size = open_image.open_image(path).size
  methods.warm_up(table.make(model).values(), model.network)
  devices = device_bytes(model, size)
  cascade = model.cascade()
  for before, stage in itertools.pairwise(model.plan(size)):
    # Compiles the stage's own shapes by one window of it.
    maps = np.full((1, 1, len(model.classes)), 1 / len(model.classes))
    coarse = InMemory(
      np.broadcast_to(maps.astype(np.float32), (*before.size, maps.shape[-1]))
    )
    pixels = np.zeros((1, 1, 3), np.uint8)
    image = InMemory(np.broadcast_to(pixels, (*stage.size, 3)))
    next(cascade.refine(stage, image, coarse, [0]))
  progress = Counted()
  held = psutil.Process().memory_info().rss
  with PeakMemory() as memory:
    start = time.perf_counter()
    cpu = time.process_time()
    found = batch_run.segment_files(
      Recipe(model),
      [path],
      out,
      outputs=Outputs(panel=False),
      budget=Budget(store, 64),
      progress=progress,
    )
    cpu = time.process_time() - cpu
    seconds = time.perf_counter() - start
  assert not found.errors, found.errors
  later = [each for each in progress.phases if each[2] > 1]
  windows = sum(each[2] for each in later)
  print(
    json.dumps(
      {
        'size': size[0],
        'store': store,
        'network': network,
        'peak_mb': round(memory.peak_mb - held / 1e6),
        'held_mb': round(held / 1e6),
        'device_mb': round(devices / 1e6),
        'windows': progress.windows,
        'seconds': round(seconds, 1),
        'cpu_seconds': round(cpu, 1),
        'ms_a_window': round(1e3 * sum(each[1] for each in later) / windows, 1),
        'phases': progress.phases,
      }
    )
  )


if __name__ == '__main__':
  parser = argparse.ArgumentParser()
  parser.add_argument('path', type=pathlib.Path)
  parser.add_argument('store')
  parser.add_argument('out', type=pathlib.Path)
  parser.add_argument('--network', default='embedded')
  arguments = parser.parse_args()
  main(arguments.path, arguments.store, arguments.out, arguments.network)
