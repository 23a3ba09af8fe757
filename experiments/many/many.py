"""Do thousands of images in one process take more and more time or memory?

    python experiments/many/many.py small 10000
    python experiments/many/many.py large 100
    python experiments/many/many.py evaluate 1000

`small` segments images of 64 to 200 pixels a side, each of another shape,
`large` of 1200 to 1600, and `evaluate` scores two methods on labelled small
ones and then makes a page of it by `report`. Networks are narrow and of
random weights, for windows of 64 pixels, of `large` of 306. A row is a tenth of
the images: processor time of one, the programs that were compiled, and the
process's memory at its end. Where all is well the rows are alike, but for the
first, in which programs are compiled.
"""

import argparse
from collections.abc import Iterator
import contextlib
import gc
import pathlib
import tempfile
import time
import types
from typing import Any

import numpy as np
import psutil

from magnet_jax.cli import main as command
from magnet_jax.configs import tiny
from magnet_jax.evaluate import random_model
from magnet_jax.evaluate.compiles import CompileCounter
from magnet_jax.evaluate.memory import PeakMemory
from magnet_jax.files import bundle, images
from magnet_jax.models import build
from magnet_jax.rasters import open_image
from magnet_jax.scenes import generator
from magnet_jax.types import Meta

SIDES = {'small': (64, 200), 'large': (1200, 1600)}
WINDOWS = {'small': 64, 'large': 306}
_ROWS = 10
_METHODS = '--methods=downsample,magnet'


class Watch:
  """Prints a row for each tenth of the images.

  Args:
    count: how many images there will be.
    counter: of the compiled programs.
  """

  def __init__(self, count: int, counter: CompileCounter):
    self._count = count
    self._counter = counter
    self._seen = 0
    self._begin()

  def _begin(self) -> None:
    self._first, self._programs = self._seen, self._counter.count
    self._start = time.process_time()

  def seen(self) -> None:
    """Counts an image, which begins; the one before is through."""
    self._seen += 1
    if self._seen * _ROWS // self._count > self._first * _ROWS // self._count:
      seconds = time.process_time() - self._start
      each = 1e3 * seconds / (self._seen - self._first)
      gc.collect()
      held = psutil.Process().memory_info().rss / 1e6
      programs = self._counter.count - self._programs
      print(f'{self._seen:6} {each:9.1f} {programs:9} {held:7.0f}', flush=True)
      self._begin()


@contextlib.contextmanager
def watched(module: types.ModuleType, name: str, count: int) -> Iterator[None]:
  """Prints the table of a block that calls a function once an image."""
  print(f'{"images":>6} {"ms each":>9} {"programs":>9} {"MB":>7}')
  function = getattr(module, name)
  with CompileCounter() as counter:
    watch = Watch(count, counter)

    def counted(*given: object, **named: object) -> object:
      watch.seen()
      return function(*given, **named)

    setattr(module, name, counted)
    try:
      yield
    finally:
      setattr(module, name, function)


def write_model(path: pathlib.Path, window: int) -> None:
  """A segmenter and a refiner of random weights."""
  config = tiny.get_config().to_dict()
  count = len(generator.CLASSES)
  config['plan']['network'] = (window, window)
  config['segmenter'] = {'name': 'unet', 'width': 4, 'levels': 1}
  refiner = {k: v for k, v in config['refiner'].items() if k != 'count'}
  rng = np.random.default_rng(0)
  maps = np.zeros((1, 8, 8, count), np.float32)
  networks = {
    'segmenter': random_model.weights(
      rng,
      build.segmenter(num_classes=count, **config['segmenter']),
      np.zeros((1, 64, 64, 3), np.float32),
    ),
    'refiner': random_model.weights(
      rng,
      build.refinement(num_classes=count, **refiner),
      scale=maps,
      coarse=maps,
    ),
  }
  bundle.export(path, networks, Meta(config, generator.CLASSES))


def write_images(folder: pathlib.Path, kind: str, count: int) -> list[str]:
  """Images and labels of random shapes, cut from a scene; their names."""
  low, high = SIDES[kind]
  scene = generator.generate(1, (2 * high, 2 * high))
  rng = np.random.default_rng(0)
  names = []
  for part in ('images', 'labels'):
    (folder / part).mkdir()
  for number in range(count):
    height, width = rng.integers(low, high + 1, 2)
    top, left = (int(rng.integers(2 * high - n)) for n in (height, width))
    area = slice(top, top + height), slice(left, left + width)
    name = folder / 'images' / f'{number:05}.png'
    images.write_image(name, scene.image[area])
    label = folder / 'labels' / name.name
    images.write_label(label, scene.label[area], generator.CLASSES)
    names.append(str(name))
  return names


def main(what: str, count: int) -> None:
  """Runs a command on so many images."""
  kind = what if what in SIDES else 'small'
  with tempfile.TemporaryDirectory() as temporary:
    folder = pathlib.Path(temporary)
    names = write_images(folder, kind, count)
    write_model(folder / 'model.npz', WINDOWS[kind])
    model = f'--checkpoint={folder / "model.npz"}'
    scores = [
      'evaluate', model, _METHODS, f'--images={folder}', f'--out={folder / "e"}'
    ]  # fmt: skip
    argv = scores
    watching: Any = watched(images, 'read_label', count)
    if what in SIDES:
      argv = ['segment', *names, model, '--no-panel', f'--out={folder / "o"}']
      watching = watched(open_image, 'open_image', count)
    with watching:
      if command.main(argv):
        raise SystemExit('the command failed')
    if what == 'evaluate':
      page = folder / 'report.html'
      start = time.process_time()
      with PeakMemory() as memory:
        command.main(['report', str(folder / 'e'), f'--out={page}'])
      print(
        f'report of {count} images: {time.process_time() - start:.1f} s, '
        f'{memory.added_mb:.0f} MB, a page of '
        f'{page.stat().st_size / 1e6:.1f} MB'
      )


if __name__ == '__main__':
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('what', choices=[*SIDES, 'evaluate'])
  parser.add_argument('count', type=int)
  given = parser.parse_args()
  main(given.what, given.count)
