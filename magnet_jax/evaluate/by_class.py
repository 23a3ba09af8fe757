"""The scores of each class, and the classes that a method never finds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from magnet_jax.evaluate import summary, tables
from magnet_jax.evaluate.record import Record
from magnet_jax.metrics import confusion
from magnet_jax.types import ClassTable


def never_predicted(
  records: Sequence[Record], classes: ClassTable, order: Sequence[str] = ()
) -> dict[str, list[str]]:
  """Returns the classes that occur in the labels but in no prediction.

  Args:
    records: one per image and method.
    classes: of the labels.
    order: methods that come first; others follow in order of appearance.

  Returns:
    Names of classes by method.
  """
  return {
    method: [
      classes.names[index]
      for index in np.flatnonzero(matrix.any(1) & ~matrix.any(0))
    ]
    for method, matrix in _matrices(records, order).items()
  }


def text(
  records: Sequence[Record], classes: ClassTable, order: Sequence[str] = ()
) -> str:
  """Formats the IoU of each class by method as a table for the terminal.

  Args:
    records: as for `never_predicted`, with classes and order.
    classes: as found.
    order: as found.

  Returns:
    The table, of the confusion matrices summed over images, and a line about
    the classes that are never predicted; '' if no image has a label.
  """
  matrices = _matrices(records, order)
  if not matrices:
    return ''
  scores = np.array([confusion.iou(matrix) for matrix in matrices.values()])
  lines = [['IoU %', *matrices]]
  for index, name in enumerate(classes.names):
    mark = ' (unscored)' if index in classes.unscored else ''
    cells = map(tables.percent, scores[:, index].tolist())
    lines.append([name + mark, *cells])
  found = tables.aligned(lines)
  missed = never_predicted(records, classes, order)
  by_names: dict[str, list[str]] = {}
  for method, names in missed.items():
    if names:
      by_names.setdefault(', '.join(names), []).append(method)
  for shown, methods in by_names.items():
    who = '' if len(methods) == len(missed) else f' by {", ".join(methods)}'
    found.append(f'never predicted{who}: {shown}')
  return '\n'.join(found)


def _matrices(
  records: Sequence[Record], order: Sequence[str]
) -> dict[str, np.ndarray]:
  """The confusion matrix of each method, int64 [C,C], summed over images."""
  scored = [r for r in records if r.get('confusion') is not None]
  return {
    method: np.sum([np.asarray(r['confusion'], np.int64) for r in each], axis=0)
    for method, each in summary.by_method(scored, order).items()
  }
