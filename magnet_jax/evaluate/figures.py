"""What benchmarks report of a method: figures of the pooled confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math
from typing import Any

import numpy as np

from magnet_jax.evaluate import measuring
from magnet_jax.evaluate.summary import METHODS
from magnet_jax.metrics import confusion
from magnet_jax.types import ClassTable

Record = Mapping[str, Any]
KEYS = (
  'miou',
  'miou_known',
  'category_iou',
  'fwiou',
  'pixel_accuracy',
  'boundary_f',
)


def of_records(
  records: Sequence[Record], classes: ClassTable
) -> dict[str, dict[str, float]]:
  """The figures of each method.

  Args:
    records: one an image and method; those without a label are passed over.
    classes: of the labels.

  Returns:
    By method, in the order of tables: figures in 0..1 by the keys of
    `KEYS`, those that the classes have; 'iou', of each class, by name. NaN
    for what is absent, or not in the records.
  """
  by_method: dict[str, list[Record]] = {}
  for record in records:
    if record.get('confusion') is not None:
      by_method.setdefault(record['method'], []).append(record)
  order = [m for m in METHODS if m in by_method]
  order += [m for m in by_method if m not in METHODS]
  return {method: _figures(by_method[method], classes) for method in order}


def _figures(records: Sequence[Record], classes: ClassTable) -> dict[str, Any]:
  matrix = np.sum(
    [np.asarray(record['confusion'], np.int64) for record in records], axis=0
  )
  scores = [
    math.nan if record.get('boundary_f') is None else record['boundary_f']
    for record in records
  ]
  found = {
    'miou': confusion.mean_iou(matrix, classes.unscored),
    **measuring.of_matrix(matrix, classes),
    'boundary_f': confusion.mean_over_classes(np.array(scores)),
  }
  per_class = zip(classes.names, confusion.iou(matrix).tolist(), strict=True)
  ordered = {key: found[key] for key in KEYS if key in found}
  return {**ordered, 'iou': dict(per_class)}
