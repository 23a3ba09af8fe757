"""Boundary F-score: how close the contours of the classes are.

Csurka, Larlus, Perronnin, "What is a good evaluation measure for semantic
segmentation?", BMVC 2013. The contour of a class consists of those of its
pixels that have a horizontal or vertical neighbour of another class. Precision
is the share of the predicted contour within the tolerance of the true one,
recall the share of the true contour within the tolerance of the predicted one,
by the Euclidean distance of pixel centres. Neither the border of the image nor
ignored pixels form a contour, as there is no other class beyond them.
"""

from __future__ import annotations

from collections.abc import Sequence
import math

import numpy as np

from magnet_jax.metrics import boundary, confusion
from magnet_jax.types import IGNORE, InputError

TOLERANCE = 0.0075  # of the image's diagonal, as in the paper
_NONE = np.uint8(255)  # where there is no contour
_BITS = 8
_ROWS = 128  # processed at a time, so that they stay in the cache


def contour_counts(
  label: np.ndarray,
  prediction: np.ndarray,
  num_classes: int,
  *,
  ignore_label: int = IGNORE,
  tolerance: float = TOLERANCE,
) -> np.ndarray:
  """Counts how many contour pixels are near the other contour.

  Args:
    label: uint8 [H,W], the truth, in 0..C-1 or `ignore_label`.
    prediction: uint8 [H,W], in 0..C-1.
    num_classes: C, 1..255.
    ignore_label: the label value without a class; such pixels count nowhere.
    tolerance: as a share of the image's diagonal, at least 0.

  Returns:
    int64 [C,4]: pixels of the predicted contour that are near the true one,
    all of the predicted one, of the true one that are near the predicted one,
    and all of the true one. Counts merge by addition.

  Raises:
    InputError: if the shapes differ or the tolerance is negative.
  """
  boundary.check_maps(label, prediction)
  if not tolerance >= 0:
    raise InputError(
      f'tolerance {tolerance}: must be a share of the diagonal, at least 0; '
      'raise it'
    )
  radius = tolerance * math.hypot(*label.shape)
  known = label != ignore_label
  truth = np.where(_contours(label, known), label, _NONE)
  guess = np.where(_contours(prediction, known), prediction, _NONE)
  counts = np.zeros((256, 4), np.int64)
  for column, (ours, other) in ((0, (guess, truth)), (2, (truth, guess))):
    counts[:, column] = _near(ours, other, radius, num_classes)
    counts[:, column + 1] = np.bincount(ours[ours != _NONE], minlength=256)
  return counts[:num_classes]


def f_scores(counts: np.ndarray) -> np.ndarray:
  """Computes the harmonic mean of precision and recall, per class.

  Args:
    counts: integers [C,4], from `contour_counts`, summed or not.

  Returns:
    float64 [C] in 0..1, NaN for a class that has no contour in either map.
  """
  counts = np.asarray(counts, np.int64)
  precision = confusion.ratio(counts[:, 0], counts[:, 1])
  recall = confusion.ratio(counts[:, 2], counts[:, 3])
  # With only one contour, nothing matches: the undefined ratio counts as 0.
  absent = np.isnan(precision) & np.isnan(recall)
  precision, recall = np.nan_to_num(precision), np.nan_to_num(recall)
  total = precision + recall
  scores = np.nan_to_num(confusion.ratio(2 * precision * recall, total))
  return np.where(absent, np.nan, scores)


def mean_f_score(counts: np.ndarray, unscored: Sequence[int] = ()) -> float:
  """Averages the F-scores over scored classes that have contours."""
  return confusion.mean_over_classes(f_scores(counts), unscored)


def _contours(classes: np.ndarray, known: np.ndarray) -> np.ndarray:
  """Marks known pixels next to a known one of another class: bool [H,W]."""
  found = np.zeros(classes.shape, bool)
  below = (classes[1:] != classes[:-1]) & known[1:] & known[:-1]
  found[1:] |= below
  found[:-1] |= below
  right = (classes[:, 1:] != classes[:, :-1]) & known[:, 1:] & known[:, :-1]
  found[:, 1:] |= right
  found[:, :-1] |= right
  return found


def _near(
  ours: np.ndarray, other: np.ndarray, radius: float, num_classes: int
) -> np.ndarray:
  """Counts pixels within `radius` of the other contour, per class: int64 [256].

  Args:
    ours: uint8 [H,W], the class at its contours and `_NONE` elsewhere.
    other: likewise.
    radius: in pixels.
    num_classes: C.
  """
  classes = ours[ours != _NONE]
  near = np.zeros(len(classes), bool)
  for first in range(0, num_classes, _BITS):
    # One bit per class, so that spreading the bits serves eight classes.
    bits = np.zeros(256, np.uint8)
    group = np.arange(first, min(first + _BITS, num_classes))
    bits[group] = 1 << (group - first)
    spread = _spread(bits[other], radius)
    near |= (spread[ours != _NONE] & bits[classes]) > 0
  return np.bincount(classes[near], minlength=256)


def _spread(bits: np.ndarray, radius: float) -> np.ndarray:
  """Combines the bits, uint8 [H,W], of all pixels within `radius` of each.

  A disc is a stack of rows: bits are spread along the rows by more and more
  pixels, and copied to the rows above and below where the disc is that wide.
  """
  reach, height, width = math.floor(radius), *bits.shape
  reach = min(reach, max(height, width))
  limit = math.floor(radius**2)
  wide = [min(math.isqrt(limit - y * y), reach) for y in range(reach + 1)]
  padded = np.pad(bits, reach)
  result = np.zeros_like(bits)
  for top in range(0, height, _ROWS):
    band = result[top : top + _ROWS]
    around = padded[top : top + len(band) + 2 * reach]
    row = around[:, reach : reach + width].copy()
    for x in range(reach + 1):
      if x:
        row |= around[:, reach - x : reach - x + width]
        row |= around[:, reach + x : reach + x + width]
      for y in (y for y in range(reach + 1) if wide[y] == x):
        band |= row[reach + y : reach + y + len(band)]
        band |= row[reach - y : reach - y + len(band)]
  return result
