"""Samples in memory, and the batches of a short training on them."""

import dataclasses
import functools

import numpy as np

from magnet_jax.data import pipeline
from magnet_jax.data.augment import Augmentation
from magnet_jax.data.schedule import Schedule
from magnet_jax.ops import windows
from magnet_jax.types import Sample, Stage

NETWORK = (16, 24)
ALL = Augmentation(True, True, True, 1.3, 1.2, 1.2, 1.2, 1.1, 1.2, 9)
PATH = Augmentation(True, True, True, 1.0, 1.2, 1.2, 1.2, 1.1, 1.2, 9)
RUNS = {
  'segmenter': functools.partial(
    pipeline.segmenter_batches, augmentation=ALL, windows_per_image=2
  ),
  'refiner': functools.partial(pipeline.refiner_batches, augmentation=PATH),
}


def plan(size):
  """Halves of the image until it fits in a window."""
  sizes = [size]
  while sizes[0][0] > NETWORK[0] or sizes[0][1] > NETWORK[1]:
    sizes.insert(0, (max(1, sizes[0][0] // 2), max(1, sizes[0][1] // 2)))
  return tuple(
    Stage(s, windows.make_grid(each, NETWORK)) for s, each in enumerate(sizes)
  )


class Samples:
  """Samples from memory."""

  def __init__(self, *samples):
    self.samples = samples

  def __len__(self):
    return len(self.samples)

  def __getitem__(self, index):
    return self.samples[index]

  def size(self, index):
    return self.samples[index].image.shape[:2]


def random_samples(count=3, size=(64, 96)):
  rng = np.random.default_rng(0)
  return Samples(
    *(
      Sample(
        str(i),
        rng.integers(0, 256, (*size, 3), np.uint8),
        rng.integers(0, 2, size, np.uint8),
      )
      for i in range(count)
    )
  )


def grey_samples(*values, size=(64, 96)):
  """Images of one gray each."""
  return Samples(
    *(
      Sample(str(v), np.full((*size, 3), v, np.uint8), np.zeros(size, np.uint8))
      for v in values
    )
  )


def run(kind, source, **settings):
  """All batches of six steps."""
  order = {'seed': 3, 'batch': 4, 'steps': 6}
  for field in dataclasses.fields(Schedule):
    if field.name in settings:
      order[field.name] = settings.pop(field.name)
  settings = {'plan_for': plan, 'network': NETWORK, **settings}
  return list(RUNS[kind](source, Schedule(**order), **settings))
