"""Segments an image in memory, and what is found in it."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses

import numpy as np

from magnet_jax.cascade import labels, pyramid, quantised
from magnet_jax.cascade.cascade import Cascade, StageResult
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.rasters.rasters import ArrayRaster
from magnet_jax.types import ClassTable, Stage


@dataclasses.dataclass(frozen=True, repr=False)
class Segmentation:
  """The segmentation of an image.

  Attributes:
    label: uint8 [H,W], the most probable class of each pixel, and 255 where
      the image has no data.
    probabilities: float32 [H,W,C].
    confidence: float32 [H,W] in 0..1: the largest probability less the second
      largest, and 0 where the image has no data.
    classes: names and colours of the C classes.
    stages: the results of all stages, coarse to fine, if they were kept.
  """

  label: np.ndarray
  probabilities: np.ndarray
  confidence: np.ndarray
  classes: ClassTable
  stages: tuple[StageResult, ...] = ()

  def __repr__(self) -> str:
    height, width = self.label.shape
    return (
      f'Segmentation(size={(height, width)}, classes={self.classes.names}, '
      f'stages={len(self.stages)})'
    )


def segment(
  cascade: Cascade,
  raster: ArrayRaster,
  plan: Sequence[Stage],
  classes: ClassTable,
  *,
  keep_stages: bool = False,
) -> Segmentation:
  """Segments an image.

  Args:
    cascade: the networks.
    raster: the image.
    plan: stages for its size.
    classes: of the networks.
    keep_stages: whether the result holds the maps of all stages.

  Raises:
    InputError: none of the pixels has data, or the plan is of another size.
  """
  valid = raster.mask
  if valid is not None and not valid.any():
    raise pyramid.nothing_to_see(raster.size)
  kept: list[StageResult] = []
  for result in cascade.stages(raster.pixels, plan):
    kept = [*kept, result] if keep_stages else [result]
  probabilities = kept[-1].probabilities
  if not cascade.policy.normalised:
    probabilities = quantised.normalised(probabilities)
  label = labels.predict(probabilities)
  confidence = 1 - uncertainty(probabilities)
  if valid is not None:
    label[~valid] = classes.ignore_label
    confidence[~valid] = 0
  return Segmentation(
    label,
    probabilities,
    confidence.clip(0, 1),
    classes,
    tuple(kept) if keep_stages else (),
  )
