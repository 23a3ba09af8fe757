"""Computes what benchmarks report of a method, over all images."""

from __future__ import annotations

from collections.abc import Sequence
import math

import numpy as np

from magnet_jax.evaluate import measuring, summary
from magnet_jax.evaluate.record import Record
from magnet_jax.metrics import confusion
from magnet_jax.types import ClassTable

KEYS = (
  'miou',
  'miou_known',
  'category_iou',
  'fwiou',
  'pixel_accuracy',
  'boundary_f',
)


Figures = dict[str, float | dict[str, float]]


def value(figures: Figures, key: str) -> float:
  """Returns one figure, NaN where there is none."""
  found = figures.get(key)
  return found if isinstance(found, float) else math.nan


def of_records(
  records: Sequence[Record], classes: ClassTable, order: Sequence[str] = ()
) -> dict[str, Figures]:
  """Computes the figures of each method.

  Args:
    records: one per image and method; those without a label are passed over.
    classes: of the labels.
    order: methods that come first; others follow in order of appearance.

  Returns:
    By method: figures in 0..1 by the keys of `KEYS`, those that the classes
    have; 'iou', of each class, by name. NaN for what is absent, or not in the
    records.
  """
  scored = [r for r in records if r.get('confusion') is not None]
  return {
    method: _figures(found, classes)
    for method, found in summary.by_method(scored, order).items()
  }


def _figures(records: Sequence[Record], classes: ClassTable) -> Figures:
  matrix = np.sum(
    [np.asarray(record['confusion'], np.int64) for record in records], axis=0
  )
  known = [record.get('boundary_f') for record in records]
  scores = [math.nan if score is None else score for score in known]
  found = {
    'miou': confusion.mean_iou(matrix, classes.unscored),
    **measuring.of_matrix(matrix, classes),
    'boundary_f': confusion.mean_over_classes(np.array(scores)),
  }
  per_class = zip(classes.names, confusion.iou(matrix).tolist(), strict=True)
  ordered = {key: found[key] for key in KEYS if key in found}
  return {**ordered, 'iou': dict(per_class)}
