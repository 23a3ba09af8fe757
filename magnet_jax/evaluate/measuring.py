"""Measures a method on a labelled image: the fields of a record."""

from collections.abc import Iterable, Iterator, Mapping
import time

import numpy as np

from magnet_jax.cascade.labels import predict
from magnet_jax.data import classes as class_tables
from magnet_jax.evaluate.memory import PeakMemory
from magnet_jax.evaluate.record import Record, Scores
from magnet_jax.files import records
from magnet_jax.methods.method import Method, Watch, unwatched
from magnet_jax.metrics import boundary, boundary_f, confusion
from magnet_jax.types import ClassTable, Sample


def measure(
  sample: Sample,
  name: str,
  method: Method,
  classes: ClassTable,
  watch: Watch = unwatched,
) -> tuple[Record, np.ndarray]:
  """Segments one image by one method and scores it.

  The seconds are those from the image in memory to the label map in memory,
  windowing included; results are fetched, so all work is done.

  Args:
    sample: the image, with or without its label.
    name: of the method, for the record.
    method: segments the image.
    classes: of the label.
    watch: called with each stage's result within the measured time; it should
      do no more than keep it.

  Returns:
    The record, of plain values, and the predicted classes, uint8 [H,W].
  """
  with PeakMemory() as memory:
    start = time.perf_counter()
    probabilities, seen = method.segment(sample.image, watch)
    prediction = predict(probabilities)
    seconds = time.perf_counter() - start
  record: Record = {
    'image': sample.name,
    'method': name,
    'height': sample.image.shape[0],
    'width': sample.image.shape[1],
    'seconds': seconds,
    'windows': seen,
    'peak_host_mb': memory.peak_mb,
  }
  if sample.label is not None:
    record = {**record, **score(sample.label, prediction, classes)}
  return record, prediction


def score(
  label: np.ndarray, prediction: np.ndarray, classes: ClassTable
) -> Scores:
  """Computes the scores of one prediction, as fields of a record.

  Args:
    label: uint8 [H,W], the truth.
    prediction: uint8 [H,W].
    classes: of both.
  """
  contours = boundary_f.contour_counts(
    label, prediction, len(classes), ignore_label=classes.ignore_label
  )
  scores = overlap_scores(label, prediction, classes)
  more: Scores = records.to_json(
    {
      'boundary_f': boundary_f.mean_f_score(contours, classes.unscored),
      **of_matrix(np.asarray(scores['confusion']), classes),
    }
  )
  return {**scores, **more}


def overlap_scores(
  label: np.ndarray, prediction: np.ndarray, classes: ClassTable
) -> Scores:
  """Computes the scores that tuning needs; contours would take longest.

  Args:
    label: uint8 [H,W], the truth.
    prediction: uint8 [H,W].
    classes: of both.
  """
  matrix = confusion.confusion_matrix(
    label, prediction, len(classes), classes.ignore_label
  )
  edges = boundary.boundary_counts(
    label, prediction, len(classes), ignore_label=classes.ignore_label
  )
  scores: Scores = records.to_json(
    {
      'miou': confusion.mean_iou(matrix, classes.unscored),
      'iou': confusion.iou(matrix),
      'boundary_iou': boundary.mean_boundary_iou(edges, classes.unscored),
      'confusion': matrix,
      'boundary': edges,
    }
  )
  return scores


def of_matrix(matrix: np.ndarray, classes: ClassTable) -> dict[str, float]:
  """Computes the other figures that benchmarks report.

  Args:
    matrix: integers [C,C], the confusion matrix of one image or the sum of
      several.
    classes: of it.

  Returns:
    'pixel_accuracy' and 'fwiou'; 'category_iou' if the data set has categories;
    'miou_known', over pixels whose true class is scored, if some are not.
  """
  found = {
    'pixel_accuracy': confusion.pixel_accuracy(matrix),
    'fwiou': confusion.frequency_weighted_iou(matrix),
  }
  if categories := class_tables.categories(classes):
    merged = confusion.merge_classes(matrix, categories)
    found['category_iou'] = confusion.mean_iou(merged)
  if classes.unscored:
    known = confusion.without_truth(matrix, classes.unscored)
    found['miou_known'] = confusion.mean_iou(known, classes.unscored)
  return found


def evaluate(
  samples: Iterable[Sample], methods: Mapping[str, Method], classes: ClassTable
) -> Iterator[Record]:
  """Yields one record per image and method, image by image.

  Args:
    samples: the images with their labels.
    methods: by name.
    classes: of the labels.
  """
  for sample in samples:
    for name, method in methods.items():
      record, _ = measure(sample, name, method, classes)
      yield record
