"""Boundary IoU: how well the edges of the classes match.

Cheng, Girshick, Dollár, Berg, Kirillov, "Boundary IoU: Improving Object-Centric
Image Segmentation Evaluation", CVPR 2021, eq. 3. The band of a class is the
part of its mask within `width` pixels of the outside of the mask, in chessboard
distance (their code erodes `width` times by a 3x3 square). The area beyond the
image counts as outside, as in their code, and so do ignored pixels, both in
the truth and in the prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
import math

import cv2
import numpy as np

from magnet_jax.metrics import confusion
from magnet_jax.types import IGNORE, InputError, Size

_OUTSIDE = 255


def default_width(size: Size) -> int:
  """Returns the width of the bands for an image: 1/400 of its diagonal.

  The paper's 1/50 suits objects in photographs: for 2448x2448 it is 69 px,
  wider than roads or leaves, so that the score would be that of whole masks.
  1/400 gives 9 px, about the error of an edge found at a quarter to an eighth
  of the side length: what refinement can repair.
  """
  return max(1, round(math.hypot(*size) / 400))


def check_maps(label: np.ndarray, prediction: np.ndarray) -> None:
  """Raises InputError unless both are maps [H,W] of the same size."""
  if label.shape != prediction.shape or label.ndim != 2:
    raise InputError(
      f'label of shape {label.shape}, prediction of shape {prediction.shape}: '
      'both must be maps of the same size; segment the image at its full size'
    )


def boundary_counts(
  label: np.ndarray,
  prediction: np.ndarray,
  num_classes: int,
  *,
  ignore_label: int = IGNORE,
  width: int | None = None,
) -> np.ndarray:
  """Counts where the bands of truth and prediction intersect, per class.

  Args:
    label: uint8 [H,W], the truth, in 0..C-1 or `ignore_label`.
    prediction: uint8 [H,W], in 0..C-1.
    num_classes: C, 1..255.
    ignore_label: the label value without a class; such pixels count nowhere.
    width: of the bands in pixels, at least 1; None is `default_width`.

  Returns:
    int64 [C,2]: pixels of the intersection and of the union of the bands.
    Counts merge by addition.

  Raises:
    InputError: if the shapes differ or the width is below 1.
  """
  check_maps(label, prediction)
  if width is None:
    width = default_width((label.shape[0], label.shape[1]))
  if width < 1:
    raise InputError(f'boundary width {width}: must be at least 1 px; raise it')
  ignored = label == ignore_label
  truth = band(np.where(ignored, np.uint8(_OUTSIDE), label), width)
  guess = band(np.where(ignored, np.uint8(_OUTSIDE), prediction), width)
  both = np.where(truth == guess, truth, np.uint8(_OUTSIDE))
  intersection, of_truth, of_guess = (
    _histogram(band)[:num_classes] for band in (both, truth, guess)
  )
  return np.stack(
    [intersection, of_truth + of_guess - intersection], axis=-1
  ).astype(np.int64)


def boundary_iou(counts: np.ndarray) -> np.ndarray:
  """Computes the intersection over union of the bands, per class.

  Args:
    counts: integers [C,2], from `boundary_counts`, summed or not.

  Returns:
    float64 [C] in 0..1, NaN for a class absent from truth and prediction.
  """
  counts = np.asarray(counts, np.int64)
  return confusion.ratio(counts[:, 0], counts[:, 1])


def mean_boundary_iou(
  counts: np.ndarray, unscored: Sequence[int] = ()
) -> float:
  """Averages the boundary IoU over classes that are scored and present."""
  return confusion.mean_over_classes(boundary_iou(counts), unscored)


def band(classes: np.ndarray, width: int) -> np.ndarray:
  """Keeps the classes inside the bands and puts 255 elsewhere: uint8 [H,W].

  A pixel lies outside all bands if and only if the smallest and the largest
  class around it are its own, so two morphological passes serve all classes.
  """
  padded = cv2.copyMakeBorder(
    classes, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=[_OUTSIDE]
  )
  square = np.ones((3, 3), np.uint8)
  lowest = cv2.erode(padded, square, iterations=width)[1:-1, 1:-1]
  highest = cv2.dilate(padded, square, iterations=width)[1:-1, 1:-1]
  return np.where(lowest == highest, np.uint8(_OUTSIDE), classes)


def _histogram(values: np.ndarray) -> np.ndarray:
  """Counts the 256 values, exact for any size (OpenCV counts in float32)."""
  counts = np.zeros(256, np.int64)
  flat = np.ascontiguousarray(values).reshape(-1)
  for block in np.array_split(flat, max(1, flat.size >> 22)):
    found = cv2.calcHist([block], [0], None, [256], [0, 256])
    counts += found.reshape(-1).astype(np.int64)
  return counts
