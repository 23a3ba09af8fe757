"""This package's side, in a process of its own."""

from collections.abc import Callable
import dataclasses

import numpy as np

from magnet_jax.files import checkpoints
from magnet_jax.predict import engines
from magnet_jax.predict import model as models


def load(
  checkpoint: str, engine: str, precision: str, pipeline: str
) -> Callable[[str], np.ndarray]:
  """Returns the function from an image's file to its labels, uint8 [H,W].

  Args:
    checkpoint: a run, a model file or the name of an embedded model.
    engine: 'xla', or another one of `magnet-jax segment --engine`.
    precision: 'float32' or 'bfloat16'.
    pipeline: 'aligned' or 'released'.
  """
  variables, meta = checkpoints.load(checkpoint)
  if engine == engines.XLA and precision != 'float32':
    for network in ('segmenter', 'refiner'):
      meta = meta.override(network, dtype=precision)
  model = models.from_variables(variables, meta, name=checkpoint)
  if engine != engines.XLA:
    model = engines.use(model, engine, precision)
  model = dataclasses.replace(model, pipeline=pipeline)
  return lambda path: model.segment(path).label
