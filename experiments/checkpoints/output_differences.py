"""Compares the outputs of two models for one image, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
import math

import numpy as np

from magnet_jax.cascade import labels
from magnet_jax.cascade.cascade import StageResult
from magnet_jax.evaluate import tables
from magnet_jax.predict.model import Model
from magnet_jax.report.shown import Table
from magnet_jax.types import InputError, Size

_BLOCK = 1 << 18  # pixels whose probabilities are compared at a time


@dataclasses.dataclass(frozen=True)
class StageChange:
  """How the segmentations of two models differ after a stage.

  Attributes:
    size: (height, width) of the stage's image.
    largest: largest absolute difference of a probability.
    mean: mean absolute difference of the probabilities.
    agreement: fraction of pixels with the same most probable class, in [0, 1].
    points: Jaccard index of the points that both replaced, in [0, 1]; NaN
      where there are none, as in stage 0.
  """

  size: Size
  largest: float
  mean: float
  agreement: float
  points: float


@dataclasses.dataclass(frozen=True)
class Outputs:
  """Outputs of two models for an image.

  Attributes:
    stages: how they differ after each stage.
    first: uint8 [H,W], classes predicted by the first model.
    second: uint8 [H,W], classes predicted by the second.
  """

  stages: tuple[StageChange, ...]
  first: np.ndarray
  second: np.ndarray


def compare(first: Model, second: Model, image: np.ndarray) -> Outputs:
  """Runs two models on an image and compares them after each stage.

  Args:
    first: a model.
    second: another with the same classes and stages.
    image: uint8 [H,W,3], RGB.

  Raises:
    InputError: if their classes, or their stages for the image, differ.
  """
  names = [', '.join(model.classes.names) for model in (first, second)]
  if names[0] != names[1]:
    raise InputError(
      f'models of the classes {names[0]} and of {names[1]}: outputs can be '
      'compared only for equal classes; choose two models of one data set'
    )
  size = (image.shape[0], image.shape[1])
  plans = [model.plan(size) for model in (first, second)]
  sizes = [[stage.size for stage in plan] for plan in plans]
  if sizes[0] != sizes[1]:
    raise InputError(
      f'models with stages of {sizes[0]} and of {sizes[1]} for an image of '
      f'{size}: outputs are compared stage by stage; give both the same plan'
    )
  stages = []
  for a, b in zip(
    first.cascade().stages(image, plans[0]),
    second.cascade().stages(image, plans[1]),
    strict=True,
  ):
    stages.append(_stage_change(a, b))
  return Outputs(
    tuple(stages),
    labels.predict(a.probabilities),
    labels.predict(b.probabilities),
  )


def _stage_change(first: StageResult, second: StageResult) -> StageChange:
  height, width, classes = first.probabilities.shape
  step = max(1, _BLOCK // width)
  largest, total, same = 0.0, 0.0, 0
  for start in range(0, height, step):
    a = first.probabilities[start : start + step]
    b = second.probabilities[start : start + step]
    gap = np.abs(a - b)
    largest = max(largest, float(gap.max()))
    total += float(gap.sum(dtype=np.float64))
    same += int((a.argmax(-1) == b.argmax(-1)).sum())
  points = math.nan
  if first.chosen is not None and second.chosen is not None:
    either = int((first.chosen | second.chosen).sum())
    both = int((first.chosen & second.chosen).sum())
    points = both / either if either else math.nan
  return StageChange(
    first.stage.size,
    largest,
    total / (height * width * classes),
    same / (height * width),
    points,
  )


def table(stages: Sequence[StageChange]) -> Table:
  """Lists the changes that `compare` found, one line per stage."""
  body = tuple(
    (
      f'{index}',
      f'{change.size[0]} x {change.size[1]}',
      f'{change.largest:.3g}',
      f'{change.mean:.3g}',
      tables.percent(change.agreement),
      tables.percent(change.points),
    )
    for index, change in enumerate(stages)
  )
  heads = (
    'stage',
    'height x width',
    'max |dp|',
    'mean |dp|',
    'same class %',
    'same points %',
  )
  notes = (
    'dp: difference of the probabilities of a class; same points: of those '
    'that either replaced, the share that both did.',
  )
  return Table(heads, body, 2, notes=notes)
