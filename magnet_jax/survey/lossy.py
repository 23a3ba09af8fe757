"""Labels whose pixels only approximate class codes: JPEG, soft edges."""

from collections.abc import Mapping, Sequence

import numpy as np

from magnet_jax.files import label_codes
from magnet_jax.survey.findings import Finding
from magnet_jax.survey.label_counts import Counts
from magnet_jax.types import InputError

TOLERANCE = 48  # for lossy labels: JPEG rarely errs more inside a class
_EXACT = 32  # up to so many codes are exact labels, whatever their shares
_BLENDS = 2  # least number of codes that are no class in softened labels
_PEAK = 5e-4  # least share of pixels with the exact code of a class
_CLUSTER = 0.4  # least share of these among the pixels near it
_COVERED = 0.8


def is_lossy(counts: Sequence[Counts], totals: Mapping[int, int]) -> bool:
  """Tells whether pixels only approximate the codes of classes."""
  if _is_jpeg(counts):
    return True
  if len(totals) <= _EXACT:
    return False
  ordered = np.sort(list(totals.values()))[::-1]
  many = np.searchsorted(np.cumsum(ordered), 0.9 * ordered.sum()) + 1
  return bool(4 * many <= len(totals))


def _is_jpeg(counts: Sequence[Counts]) -> bool:
  return any(each.lossy or each.rest for each in counts)


def areas(
  counts: Sequence[Counts], totals: Mapping[int, int], colours: bool
) -> tuple[list[int], list[Finding]]:
  """Finds the codes of classes if at least half of the codes are blends.

  A mask that was smoothed, or resized by interpolation, has a few codes that
  lie between those of its classes and are never three pixels wide. Thin classes
  have such codes too, but mostly small numbers instead of greys or colours.

  Returns:
    The codes and a finding; nothing if there are no blends.
  """
  solid = sorted(frozenset[int]().union(*(each.solid for each in counts)))
  thin = np.array([code for code in totals if code not in solid], np.int64)
  few = len(solid) < 2 or len(thin) < max(_BLENDS, len(totals) / 2)
  if few or _is_jpeg(counts):  # whose noise fills areas, too
    return [], []
  places = spread(np.array(solid, np.int64), colours)
  between = spread(thin, colours)
  low, high = places.min(0), places.max(0)
  inside = (between >= low) & (between <= high)
  if not inside.all() or (high - low).max() <= TOLERANCE:
    return [], []
  apart = np.abs(between[:, None] - places).max(-1).min(-1) > TOLERANCE
  whole = sum(totals.values())
  far = sum(totals[code] for code in thin[apart].tolist())
  return solid, [_finding(totals, solid, colours, whole - far, whole)]


def spread(numbers: np.ndarray, colours: bool) -> np.ndarray:
  """Splits packed numbers into channels: [n,1] or [n,3]."""
  if not colours:
    return numbers[:, None]
  return np.stack([numbers >> 16 & 255, numbers >> 8 & 255, numbers & 255], -1)


def peaks(
  totals: Mapping[int, int], colours: bool, rest: int
) -> tuple[list[int], list[Finding]]:
  """Finds the codes of classes in labels that only approximate them.

  Raises:
    InputError: the classes cannot be told apart.
  """
  numbers = np.array(sorted(totals, key=lambda code: -totals[code]))
  pixels = np.array([totals[int(n)] for n in numbers], np.int64)
  whole = int(pixels.sum()) + rest
  places = spread(numbers, colours)
  _check_apart(places[pixels >= _PEAK * whole])
  free = np.ones(len(numbers), bool)
  codes, covered = [], 0
  for index in range(len(numbers)):
    if pixels[index] < _PEAK * whole:
      break
    if not free[index]:
      continue
    near = np.abs(places - places[index]).max(-1) <= TOLERANCE
    near &= free
    mass = int(pixels[near].sum())
    if pixels[index] >= _CLUSTER * mass:
      codes.append(int(numbers[index]))
      covered += mass
      free &= ~near
  if not codes or covered < _COVERED * whole:
    raise InputError(
      f'labels: hold {len(totals)} different '
      f'{"colours" if colours else "values"}, and no small set of them '
      'dominates: they look like photographs; name the folder of labels '
      '"labels", or correct the pairs'
    )
  return codes, [_finding(totals, codes, colours, covered, whole)]


def _check_apart(places: np.ndarray) -> None:
  """Raises InputError if all codes [n,channels] would be a single class."""
  if len(places) > 1 and np.ptp(places, axis=0).max() <= TOLERANCE:
    raise InputError(
      f'labels: hold only {places.min()} to {places.max()}, and are JPEG or '
      f'smoothed: classes that differ by less than {TOLERANCE} cannot be told '
      'apart; save the labels as PNG from their source, without smoothing'
    )


def _finding(
  totals: Mapping[int, int],
  codes: list[int],
  colours: bool,
  covered: int,
  whole: int,
) -> Finding:
  others = {n: totals[n] for n in totals if n not in codes}
  share = 1 - sum(totals[code] for code in codes) / whole
  listed = label_codes.as_counts(others, colours=colours)
  text = (
    f'labels hold {len(others)} {"colours" if colours else "values"} besides '
    f'the {len(codes)} of classes, in {share:.2%} of the pixels, typical of '
    f'JPEG and smoothed edges: {listed}. Within {TOLERANCE} of a class they '
    f'count as that class, others ({1 - covered / whole:.2%}) are ignored'
  )
  remedy = 'export the labels again as PNG, without smoothing'
  return Finding('warning', 'inexact labels', text, remedy)
