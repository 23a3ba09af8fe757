"""Training batches of SegFix: windows with what there is to find in them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from magnet_jax.data import directions, pipeline
from magnet_jax.data.schedule import Batch, Schedule
from magnet_jax.data.sources import Source


def segfix_batches(
  source: Source, schedule: Schedule, **settings: Any
) -> Iterator[Batch]:
  """Yields zoom paths with boundaries and directions of their last windows.

  A window shows nothing beyond its edge, so an outline there is not known.

  Args:
    source: labelled images.
    schedule: as for `pipeline.refiner_batches`.
    **settings: as for `pipeline.refiner_batches`.

  Returns:
    Iterator of its batches, with 'boundary' and 'direction' uint8 [B,h,w], as
    `directions.truth` makes them.

  Raises:
    InputError: as `pipeline.refiner_batches`.
  """
  paths = pipeline.refiner_batches(source, schedule, **settings)
  return map(_with_truth, paths)


def _with_truth(batch: Batch) -> Batch:
  truths = [directions.truth(label) for label in batch['labels'][:, -1]]
  boundary, direction = zip(*truths, strict=True)
  return {
    **batch,
    'boundary': np.stack(boundary),
    'direction': np.stack(direction),
  }
