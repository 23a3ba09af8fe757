"""Summarises records: a row per method, and paired differences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
import dataclasses
import math
from typing import NamedTuple

import numpy as np

from magnet_jax.evaluate.record import Record
from magnet_jax.metrics import confusion
from magnet_jax.types import InputError

FEW_IMAGES = 5  # an interval over fewer is tentative
_BLOCK = 500  # resamples drawn at a time: bounds the memory for many images


@dataclasses.dataclass(frozen=True)
class Row:
  """One method over all images; a number is NaN where nothing was measured.

  Attributes:
    method: its name.
    images: how many images the row stands for.
    miou: mean over images of the mean IoU of each.
    miou_pooled: mean IoU of the confusion matrix summed over images.
    boundary_iou: mean over images of the boundary IoU of each.
    seconds: median over images.
    windows: mean over images.
    peak_host_mb: largest over images.
    iou: per class, of the summed confusion matrix; NaN for absent classes;
      empty where no image had a label.
    intervals: 95 % of the means, by the name of the score.
  """

  method: str
  images: int
  miou: float
  miou_pooled: float
  boundary_iou: float
  seconds: float
  windows: float
  peak_host_mb: float
  iou: tuple[float, ...]
  intervals: Mapping[str, tuple[float, float]] = dataclasses.field(
    default_factory=dict
  )


class Difference(NamedTuple):
  """A mean paired difference with its 95 % interval, over `n` images."""

  mean: float
  low: float
  high: float
  n: int

  @property
  def excludes_zero(self) -> bool:
    """Whether the interval is known and lies on one side of 0."""
    return self.low > 0 or self.high < 0

  @property
  def tentative(self) -> bool:
    """Whether the interval is known, but over too few images to rely on."""
    return 1 < self.n < FEW_IMAGES


def summarise(
  records: Iterable[Record],
  *,
  unscored: Sequence[int] = (),
  order: Sequence[str] = (),
) -> list[Row]:
  """Summarises the records of each method.

  Args:
    records: one per image and method, as `evaluate` writes them.
    unscored: classes left out of `miou_pooled`, as they were left out of each
      record's `miou`.
    order: methods that come first; others follow in order of appearance.

  Returns:
    A row per method.
  """
  return [
    _row(method, found, unscored)
    for method, found in by_method(records, order).items()
  ]


def by_method(
  records: Iterable[Record], order: Sequence[str] = ()
) -> dict[str, list[Record]]:
  """Returns the records of each method that has any; `order` comes first."""
  found: dict[str, list[Record]] = {method: [] for method in order}
  for record in records:
    found.setdefault(record['method'], []).append(record)
  return {method: each for method, each in found.items() if each}


def interval(
  records: Iterable[Record],
  key: str,
  *,
  resamples: int = 10_000,
  seed: int = 0,
) -> tuple[float, float]:
  """Computes the 95 % BCa interval of a score's mean, over images.

  Args:
    records: one per image.
    key: name of the score in the records.
    resamples: bootstrap samples.
    seed: of the bootstrap.

  Returns:
    (low, high); NaN where fewer than two images have the score.
  """
  values = np.array([_number(record.get(key)) for record in records])
  values = values[~np.isnan(values)]
  if len(values) < 2:
    return math.nan, math.nan
  return _bootstrap_interval(values, resamples, seed)


def paired_difference(
  records: Iterable[Record],
  a: str,
  b: str,
  key: str = 'miou',
  *,
  resamples: int = 10_000,
  seed: int = 0,
) -> Difference:
  """Computes the mean of a - b over the images that both methods have.

  The interval is the 95 % bootstrap over images, bias-corrected and accelerated
  (BCa; Efron, 1987). It is deterministic for a seed.

  Args:
    records: one per image and method.
    a: method whose values count positive.
    b: method that is subtracted.
    key: name of the score in the records.
    resamples: bootstrap samples.
    seed: of the bootstrap.

  Returns:
    Mean, low, high and the number of images; low and high are NaN for one
    image. Images where either value is unknown are left out.

  Raises:
    InputError: no image has a value of both methods.
  """
  values: dict[str, dict[str, float]] = {a: {}, b: {}}
  for record in records:
    if record['method'] in values:
      values[record['method']][record['image']] = _number(record.get(key))
  differences = np.array(
    [values[a][image] - values[b].get(image, np.nan) for image in values[a]]
  )
  differences = differences[~np.isnan(differences)]
  if not differences.size:
    raise InputError(
      f'{key} of {a} and {b}: no image has both; evaluate both methods on the '
      'same images'
    )
  mean = float(differences.mean())
  if len(differences) == 1:
    return Difference(mean, math.nan, math.nan, 1)
  low, high = _bootstrap_interval(differences, resamples, seed)
  return Difference(mean, low, high, len(differences))


def _row(
  method: str, records: Sequence[Record], unscored: Sequence[int]
) -> Row:
  matrices = [
    np.asarray(record['confusion'], np.int64)
    for record in records
    if record.get('confusion') is not None
  ]
  pooled = np.sum(matrices, axis=0) if matrices else None
  return Row(
    method=method,
    images=len(records),
    miou=_over(np.mean, records, 'miou'),
    miou_pooled=(
      math.nan if pooled is None else confusion.mean_iou(pooled, unscored)
    ),
    boundary_iou=_over(np.mean, records, 'boundary_iou'),
    seconds=_over(np.median, records, 'seconds'),
    windows=_over(np.mean, records, 'windows'),
    peak_host_mb=_over(np.max, records, 'peak_host_mb'),
    iou=() if pooled is None else tuple(confusion.iou(pooled).tolist()),
  )


def _over(
  statistic: Callable[[np.ndarray], float], records: Sequence[Record], key: str
) -> float:
  """The statistic of the records' known values; NaN where none is known."""
  values = np.array([_number(record.get(key)) for record in records])
  values = values[~np.isnan(values)]
  return float(statistic(values)) if values.size else math.nan


def _number(value: object) -> float:
  return float(value) if isinstance(value, int | float) else math.nan


def _bootstrap_interval(
  values: np.ndarray, resamples: int, seed: int
) -> tuple[float, float]:
  """Returns the 95 % BCa interval of the mean of `values` [n], n at least 2."""
  # BCa is undefined for equal values, which may differ by rounding.
  if np.ptp(values) <= 1e-12 * np.abs(values).max():
    return float(values[0]), float(values[0])
  # Takes half a second to import, which runs on one image need not wait for.
  from scipy import stats

  found = stats.bootstrap(
    (values,),
    np.mean,
    n_resamples=resamples,
    batch=_BLOCK,
    vectorized=True,
    axis=-1,
    method='BCa',
    rng=np.random.default_rng(seed),
  ).confidence_interval
  return float(found.low), float(found.high)
