"""Chooses a way of running a model within each budget, from their scores."""

from collections.abc import Collection, Mapping, Sequence
import math

import numpy as np

from magnet_jax.evaluate import summary
from magnet_jax.evaluate.record import Record
from magnet_jax.evaluate.summary import Row
from magnet_jax.tuning import candidates
from magnet_jax.tuning.candidates import Candidates

# Largest cost of a way, as a share of that of blended windows at full size.
BUDGETS = {'patch': 1.0, 'half': 0.5, 'quarter': 0.25}
SINGLE = 'patch-best'
FEW = 4  # images below which the choice is little more than a guess
# Standard errors by which another way must be better than the usual one: of
# dozens of ways on four images, some are better by one error by chance.
_MARGIN = 2.0
# Error of a difference that is known from one image: a usual spread over images
# of the mean of both scores.
_ONE_IMAGE = 0.03


def score(row: Row) -> float:
  """Returns the mean of pooled and boundary IoU, or the known one.

  Pooled: in the mean over images, a few pixels of a class that an image lacks
  cost as much as a class missed, so that few images say little.
  """
  known = [x for x in (row.miou_pooled, row.boundary_iou) if not math.isnan(x)]
  return float(np.mean(known)) if known else -math.inf


def choose(
  found: Sequence[Record], rows: Mapping[str, Row], tried: Candidates
) -> dict[str, str]:
  """Returns the best candidate of each budget, and the best single scale.

  The best of dozens of ways on few images is often a lucky one. So another way
  than the usual one has to be better by two standard errors of the difference;
  `experiments/choice` measures what a margin gains. Within a budget only ways
  are eligible whose IoU is not below that of any baseline that the budget
  allows: sharper outlines must not cost it. Of a few images, the usual way may
  be below by the error of the difference.

  Args:
    found: records of the candidates, one per image and way.
    rows: the summary of each candidate, by name.
    tried: the candidates.

  Returns:
    Names of candidates by those of the budgets, and by SINGLE.
  """
  patch = rows[candidates.PATCH].seconds
  baselines = {*tried.singles, candidates.WHOLE}
  images = _by_image(found)
  chosen = {}
  for name, share in BUDGETS.items():
    within = {n: row for n, row in rows.items() if row.seconds <= share * patch}
    within = _not_below(within, baselines, images)
    chosen[name] = best(within, images) if within else cheapest(rows)
  singles = {name: row for name, row in rows.items() if name in tried.singles}
  return {**chosen, SINGLE: best(singles, images)}


def best(
  rows: Mapping[str, Row], images: Mapping[str, Mapping[str, float]]
) -> str:
  """Returns the name of the best way, of equal ones the cheapest.

  Args:
    rows: of the ways, by name.
    images: each way's score of each image, by name.
  """
  usual = _usual(rows)

  def merit(name: str) -> tuple[float, float]:
    error = _error(images[name], images[usual]) if usual else 0.0
    return score(rows[name]) - _MARGIN * error, -rows[name].seconds

  return max(rows, key=merit)


def _not_below(
  rows: Mapping[str, Row],
  baselines: Collection[str],
  images: Mapping[str, Mapping[str, float]],
) -> dict[str, Row]:
  """Returns the ways whose IoU is not below that of any baseline."""
  own = [name for name in rows if name in baselines]
  if not own:
    return dict(rows)
  top = max(own, key=lambda name: rows[name].miou_pooled)
  floors = dict.fromkeys(rows, rows[top].miou_pooled)
  usual = _usual(rows)
  if usual and len(images[top]) < FEW:
    floors[usual] -= _error(images[usual], images[top])
  return {n: row for n, row in rows.items() if row.miou_pooled >= floors[n]}


def _usual(rows: Mapping[str, Row]) -> str | None:
  return next((name for name in candidates.USUAL if name in rows), None)


def cheapest(rows: Mapping[str, Row]) -> str:
  """Returns the name of the way that takes the least time."""
  return min(rows, key=lambda name: rows[name].seconds)


def frontier(rows: Mapping[str, Row]) -> list[str]:
  """Returns the ways that no cheaper way equals, from cheap to dear."""
  found: list[str] = []
  top = -math.inf
  for name in sorted(rows, key=lambda n: (rows[n].seconds, -score(rows[n]))):
    if score(rows[name]) > top:
      found.append(name)
      top = score(rows[name])
  return found


def _by_image(found: Sequence[Record]) -> dict[str, dict[str, float]]:
  """Returns the mean of both scores, or the known one, by way and image."""
  images: dict[str, dict[str, float]] = {}
  for method, records in summary.by_method(found).items():
    images[method] = {}
    for record in records:
      both = (record.get('miou'), record.get('boundary_iou'))
      known = [x for x in both if x is not None and not math.isnan(x)]
      images[method][record['image']] = float(np.mean(known or [0.0]))
  return images


def _error(a: Mapping[str, float], b: Mapping[str, float]) -> float:
  """The standard error of the mean difference of two ways over images."""
  differences = np.array([a[image] - b[image] for image in a])
  if not differences.any():
    return 0.0
  if len(differences) == 1:
    return _ONE_IMAGE
  return float(differences.std(ddof=1) / math.sqrt(len(differences)))
