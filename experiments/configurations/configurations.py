"""The published configurations, with random weights: what is to be timed."""

from collections.abc import Callable
import dataclasses
import importlib

import numpy as np

from magnet_jax.cascade import labels
from magnet_jax.evaluate import random_model
from magnet_jax.predict.model import Model
from magnet_jax.types import Size


@dataclasses.dataclass(frozen=True)
class Configuration:
  """A config, an image's size, and how it is run.

  Attributes:
    config: its module in `magnet_jax.configs`.
    classes: C.
    size: (height, width) of the image.
    windows: of the whole run, with the one of stage 0.
    pipeline: 'aligned' or 'released'.
    fast: windows of each stage after the first; 0 for all.
  """

  config: str
  classes: int
  size: Size
  windows: int
  pipeline: str = 'aligned'
  fast: int = 0

  def model(self, dtype: str = 'float32') -> Model:
    """Builds it, with weights that depend on nothing but the config.

    Args:
      dtype: of JAX's computation, 'float32' or 'bfloat16'.
    """
    config = importlib.import_module(f'magnet_jax.configs.{self.config}')
    settings = config.get_config().to_dict()
    # Time does not depend on whether stages share a refiner.
    refiner = {k: v for k, v in settings['refiner'].items() if k != 'count'}
    refine = settings['refine']
    if self.fast:
      refine['windows'] = self.fast
    made = random_model.make(
      num_classes=self.classes,
      segmenter={**settings['segmenter'], 'dtype': dtype},
      refiner={**refiner, 'dtype': dtype},
      plan=settings['plan'],
      refine=refine,
    )
    return dataclasses.replace(made, pipeline=self.pipeline)


_DEEPGLOBE = ('deepglobe', 7, (2448, 2448))
_CITYSCAPES = ('cityscapes', 19, (1024, 2048))
CONFIGURATIONS = {
  'deepglobe': Configuration(*_DEEPGLOBE, 21),
  'deepglobe-released': Configuration(*_DEEPGLOBE, 21, pipeline='released'),
  'deepglobe-fast': Configuration(*_DEEPGLOBE, 7, fast=3),
  'cityscapes-fast': Configuration(*_CITYSCAPES, 13, fast=4),
  'cityscapes': Configuration(*_CITYSCAPES, 85),
}


def call(
  configuration: Configuration, model: Model
) -> Callable[[], np.ndarray]:
  """Returns a function that segments the same image: uint8 [H,W].

  Args:
    configuration: which.
    model: its model, or that on an engine.
  """
  rng = np.random.default_rng(0)
  image = rng.integers(0, 256, (*configuration.size, 3), np.uint8)
  cascade, plan = model.cascade(), model.plan(configuration.size)
  return lambda: labels.predict(cascade.segment(image, plan))
