"""The best way within a budget, and the curve of the best."""

import numpy as np
import pytest

from magnet_jax.evaluate import summary
from magnet_jax.evaluate.summary import Row
from magnet_jax.tuning import candidates, choice

USUAL = candidates.USUAL[0]
SINGLES = dict.fromkeys((candidates.PATCH, 'patch 0.5'), None)
TRIED = candidates.Candidates(SINGLES, {}, {})


def _row(name, miou, boundary_iou, seconds):
  return Row(name, 2, miou, miou, boundary_iou, seconds, 1, 1, ())


def _rows(*rows):
  return {row.method: row for row in rows}


ROWS = _rows(
  _row(candidates.PATCH, 0.7, 0.5, 4.0),
  _row('patch 0.5', 0.72, 0.44, 1.0),
  _row('mean', 0.8, 0.6, 9.0),
  _row('mean, some', 0.75, 0.5, 3.9),
  _row('the same, dearer', 0.75, 0.5, 4.0),
)


def _choose(rows, found=None):
  """Without records of their own, all images are alike."""
  if found is None:
    found = [
      {'method': n, 'image': i, 'miou': r.miou, 'boundary_iou': r.boundary_iou}
      for n, r in rows.items()
      for i in 'abcd'
    ]
  return choice.choose(found, rows, TRIED)


def test_a_score_that_is_unknown():
  row = _row('a', 0.5, float('nan'), 1.0)
  assert choice.score(row) == 0.5
  assert choice.score(_row('a', float('nan'), float('nan'), 1.0)) == -np.inf


def test_choose():
  assert _choose(ROWS) == {
    'patch': 'mean, some',
    'half': 'patch 0.5',
    'quarter': 'patch 0.5',
    'patch-best': candidates.PATCH,
  }


def test_nothing_within_a_budget():
  rows = _rows(ROWS[candidates.PATCH], ROWS['mean'])
  assert _choose(rows)['quarter'] == candidates.PATCH


def test_no_baseline_is_better():
  """Sharper outlines do not make up for a lower IoU than a baseline's."""
  sharp = _row('mean, sharp', 0.71, 0.6, 2.0)
  rows = {**ROWS, sharp.method: sharp}
  assert choice.score(sharp) > choice.score(rows['mean, some'])
  assert _choose(rows)['patch'] == 'mean, some'


@pytest.mark.parametrize(
  ('images', 'miou', 'chosen'),
  [
    (1, 0.70, USUAL),
    (3, 0.71, USUAL),  # by less than the error of the difference
    (3, 0.65, 'patch 0.5'),
    (4, 0.71, 'patch 0.5'),
  ],
)
def test_few_images_do_not_rule_out_the_usual_way(images, miou, chosen):
  rows = {**ROWS, USUAL: _row(USUAL, miou, 0.5, 2.0)}
  found = [
    {
      'method': name,
      'image': image,
      'miou': row.miou + 0.08 * image * (name == USUAL),
      'boundary_iou': 0.5,
    }
    for name, row in rows.items()
    for image in range(images)
  ]
  assert _choose(rows, found)['half'] == chosen


@pytest.mark.parametrize(
  ('scores', 'chosen'),
  [
    ([0.70, 0.70, 0.70], USUAL),  # worse
    ([0.80, 0.80, 0.80], 'other'),  # better on every image
    # On average as much better, by one lucky image: 0.1 +- 0.15.
    ([1.20, 0.60, 0.60], USUAL),
    ([0.72], USUAL),  # on a single image, by less than usual errors
    ([0.80], 'other'),
  ],
)
def test_another_way_than_the_usual_is_better_for_sure(scores, chosen):
  names = (candidates.PATCH, USUAL, 'other')
  found = [
    {'method': name, 'image': image, 'miou': value, 'boundary_iou': value}
    for image, other in enumerate(scores)
    for name, value in zip(names, (0.5, 0.7, other), strict=True)
  ]
  rows = {
    row.method: _row(row.method, row.miou, row.boundary_iou, 1.0)
    for row in summary.summarise(
      [
        {**each, 'seconds': 1.0, 'windows': 1, 'confusion': None}
        for each in found
      ]
    )
  }
  assert _choose(rows, found)['patch'] == chosen


def test_the_usual_ways_are_candidates():
  tried = candidates.Candidates(
    {}, dict(candidates._means()), dict(candidates._attended(()))
  )
  assert set(candidates.USUAL) <= set(tried.by_name)


def test_frontier():
  assert choice.frontier(ROWS) == ['patch 0.5', 'mean, some', 'mean']
