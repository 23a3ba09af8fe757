"""Confusion matrices and the scores computed from them.

Matrices merge by addition, over images and devices; scores are computed once,
from the sum.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.types import IGNORE, Array, InputError

_BLOCK = 1 << 18  # pixels counted at a time, whose 64-bit indices fit the cache


def confusion_matrix(
  label: np.ndarray,
  prediction: np.ndarray,
  num_classes: int,
  ignore_label: int = IGNORE,
) -> np.ndarray:
  """Counts how often each class was predicted for each true class.

  Args:
    label: uint8 [...], the truth, in 0..C-1 or `ignore_label`.
    prediction: uint8 [...], in 0..C-1. Pixels whose label is ignored
      do not count.
    num_classes: C, 1..255.
    ignore_label: the label value without a class.

  Returns:
    int64 [C,C]; rows are the truth, columns the prediction.

  Raises:
    InputError: the shapes differ, or a value is not a class.
  """
  _check(label, prediction)
  square = num_classes**2
  # Rows of the matrix by label value; one row past its end collects ignored
  # pixels, another one values that are no class.
  rows = np.full(256, square + num_classes, np.intp)
  rows[:num_classes] = np.arange(num_classes) * num_classes
  if 0 <= ignore_label <= 255:
    rows[ignore_label] = square
  label, prediction = label.reshape(-1), prediction.reshape(-1)
  counts = np.zeros(square + 2 * num_classes, np.int64)
  for start in range(0, label.size, _BLOCK):
    block = slice(start, start + _BLOCK)
    columns = prediction[block]
    if int(columns.max()) >= num_classes:
      columns = _without_ignored(
        label[block], columns, num_classes, ignore_label
      )
    counts += np.bincount(rows[label[block]] + columns, minlength=len(counts))
  if counts[square + num_classes :].any():
    worst = int(label[(label != ignore_label)].max())
    raise _no_class('label', worst, num_classes)
  return counts[:square].reshape(num_classes, num_classes)


def device_confusion_matrix(
  label: Array,
  prediction: Array,
  num_classes: int,
  ignore_label: int = IGNORE,
) -> jax.Array:
  """Counts like `confusion_matrix`, on the device; for use under jit.

  Args:
    label: integers [...], the truth.
    prediction: integers [...], in 0..C-1.
    num_classes: C, static.
    ignore_label: the label value without a class. Other values outside of
      0..C-1, in either array, count nowhere too.

  Returns:
    int32 [C,C]; rows are the truth. Sum matrices on the host, in int64.
  """
  label = jnp.asarray(label).astype(jnp.int32)
  prediction = jnp.asarray(prediction).astype(jnp.int32)
  counted = label != ignore_label
  for values in (label, prediction):
    counted &= (values >= 0) & (values < num_classes)
  square = num_classes**2
  cell = jnp.where(counted, label * num_classes + prediction, square)
  counts = jnp.bincount(cell.reshape(-1), length=square + 1)
  counts = counts[:-1].astype(jnp.int32)
  return counts.reshape(num_classes, num_classes)


def iou(confusion: np.ndarray) -> np.ndarray:
  """Computes the intersection over union per class.

  Args:
    confusion: integers [C,C].

  Returns:
    float64 [C] in 0..1, NaN for a class absent from truth and prediction.
  """
  confusion = np.asarray(confusion, np.int64)
  intersection = np.diagonal(confusion)
  union = confusion.sum(0) + confusion.sum(1) - intersection
  return ratio(intersection, union)


def mean_iou(confusion: np.ndarray, unscored: Sequence[int] = ()) -> float:
  """Averages the IoU over the classes that are scored and present.

  Args:
    confusion: integers [C,C].
    unscored: classes left out of the mean; their pixels still count as errors
      of the others.

  Returns:
    0..1, or NaN if no scored class is present.
  """
  return mean_over_classes(iou(confusion), unscored)


def without_truth(confusion: np.ndarray, unscored: Sequence[int]) -> np.ndarray:
  """Drops the pixels whose true class is not scored.

  This is the rule of the DeepGlobe challenge: pixels of unknown ground "will
  simply be ignored". In papers on that set they count as errors of the others.

  Args:
    confusion: integers [C,C].
    unscored: classes whose rows become 0.

  Returns:
    int64 [C,C].
  """
  kept = np.array(confusion, np.int64)
  kept[list(unscored)] = 0
  return kept


def pixel_accuracy(confusion: np.ndarray) -> float:
  """Computes the share of labelled pixels that are correct; NaN: none."""
  confusion = np.asarray(confusion, np.int64)
  return float(ratio(np.trace(confusion), confusion.sum()))


def frequency_weighted_iou(confusion: np.ndarray) -> float:
  """Averages the IoU, each class weighted by its share of the true pixels.

  Long, Shelhamer, Darrell, CVPR 2015.

  Args:
    confusion: integers [C,C].

  Returns:
    0..1, or NaN if there is no labelled pixel.
  """
  confusion = np.asarray(confusion, np.int64)
  # A class that is absent everywhere has weight 0.
  weighted = np.nan_to_num(iou(confusion)) * confusion.sum(1)
  return float(ratio(weighted.sum(), confusion.sum()))


def merge_classes(
  confusion: np.ndarray, categories: Sequence[str]
) -> np.ndarray:
  """Merges classes into categories, such as the seven of Cityscapes.

  The IoU of the result is the category IoU of that benchmark: confusing classes
  of the same category is not an error.

  Args:
    confusion: integers [C,C].
    categories: the category of each class; G different ones.

  Returns:
    int64 [G,G], categories in the order of their first occurrence.
  """
  names = list(dict.fromkeys(categories))
  member = np.zeros((len(names), len(categories)), np.int64)
  member[[names.index(name) for name in categories], range(len(categories))] = 1
  merged: np.ndarray = member @ np.asarray(confusion, np.int64) @ member.T
  return merged


def mean_over_classes(
  values: np.ndarray, unscored: Sequence[int] = ()
) -> float:
  """Averages the values [C] that are not NaN and belong to scored classes."""
  scored = np.array(values, np.float64)
  scored[list(unscored)] = np.nan
  scored = scored[~np.isnan(scored)]
  return float(scored.mean()) if scored.size else float('nan')


def ratio(intersection: np.ndarray, union: np.ndarray) -> np.ndarray:
  """Computes intersection / union in float64, NaN where the union is empty."""
  result = np.full(np.shape(union), np.nan)
  return np.divide(intersection, union, out=result, where=union > 0)


def _check(label: np.ndarray, prediction: np.ndarray) -> None:
  if label.shape != prediction.shape:
    raise InputError(
      f'label of shape {label.shape}, prediction of shape {prediction.shape}: '
      'both must have the same size; segment the image at its full size'
    )
  for name, values in (('label', label), ('prediction', prediction)):
    if values.dtype != np.uint8:
      raise InputError(
        f'{name} of type {values.dtype}: class maps must be uint8; convert it'
      )


def _without_ignored(
  label: np.ndarray,
  prediction: np.ndarray,
  num_classes: int,
  ignore_label: int,
) -> np.ndarray:
  """Returns the prediction with class 0 where the label is ignored."""
  prediction = np.where(label == ignore_label, np.uint8(0), prediction)
  if int(prediction.max()) >= num_classes:
    raise _no_class('prediction', int(prediction.max()), num_classes)
  return prediction


def _no_class(name: str, value: int, num_classes: int) -> InputError:
  return InputError(
    f'{name} value {value}: classes are 0..{num_classes - 1}; use the class '
    'table that the labels were made with'
  )
