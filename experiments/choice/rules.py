"""Plays the choice of a way on few images, and scores it on the others.

Draws val images from those that were measured, chooses by each rule, and prints
what the chosen way gains over blended windows at full size on the images that
were not drawn: mean, and the worst tenth of the draws.
"""

import argparse
from collections.abc import Callable, Sequence
import pathlib

import numpy as np
import tqdm

from magnet_jax.evaluate import record as records
from magnet_jax.evaluate import summary, tables
from magnet_jax.evaluate.record import Record
from magnet_jax.evaluate.summary import Row
from magnet_jax.tuning import candidates, choice

Rows = dict[str, Row]
Rule = Callable[[Sequence[Record], Rows, float], str]


def best_mean(found: Sequence[Record], rows: Rows, limit: float) -> str:
  """The best mean over images of both scores, whatever its error."""
  within = [n for n in rows if rows[n].seconds <= limit]
  return max(within, key=lambda n: rows[n].miou + rows[n].boundary_iou)


def best_pooled(found: Sequence[Record], rows: Rows, limit: float) -> str:
  """The same with the pooled IoU."""
  within = [n for n in rows if rows[n].seconds <= limit]
  return max(within, key=lambda n: choice.score(rows[n]))


def usual(found: Sequence[Record], rows: Rows, limit: float) -> str:
  """The usual way, whatever the images say."""
  return next(n for n in candidates.USUAL if rows[n].seconds <= limit)


def ours(found: Sequence[Record], rows: Rows, limit: float) -> str:
  """What magnet-jax tune chooses."""
  singles = {n: None for n in rows if n.startswith('patch ')}
  tried = candidates.Candidates(singles, {}, {})
  return choice.choose(found, rows, tried)['patch']


RULES: dict[str, Rule] = {
  'best mean': best_mean,
  'best pooled': best_pooled,
  'usual': usual,
  'tune': ours,
}


def gains(rows: Rows, name: str) -> list[float]:
  """Points over blended windows: mIoU, pooled, boundary IoU."""
  way, patch = rows[name], rows[candidates.PATCH]
  return [
    100 * (getattr(way, key) - getattr(patch, key))
    for key in ('miou', 'miou_pooled', 'boundary_iou')
  ]


def main(path: pathlib.Path, draws: int) -> None:
  found = records.read(path)
  # The cost is known better than from a few images.
  seconds = {row.method: row.seconds for row in summary.summarise(found)}
  for record in found:
    record['seconds'] = seconds[record['method']]
  names = sorted({record['image'] for record in found})
  cells = [
    [
      'val images',
      'rule',
      'mIoU',
      'worst tenth',
      'pooled',
      'boundary IoU',
      'worst',
    ]
  ]
  for count in (1, 2, 4, 8):
    rng = np.random.default_rng(0)
    won: dict[str, list[list[float]]] = {rule: [] for rule in RULES}
    for _ in tqdm.trange(draws, desc=f'{count} images', disable=None):
      val = set(rng.choice(names, count, replace=False).tolist())
      seen = [record for record in found if record['image'] in val]
      rest = [record for record in found if record['image'] not in val]
      rows = {row.method: row for row in summary.summarise(seen)}
      others = {row.method: row for row in summary.summarise(rest)}
      limit = seconds[candidates.PATCH]
      for rule, chosen in RULES.items():
        won[rule].append(gains(others, chosen(seen, rows, limit)))
    for rule, values in won.items():
      mean = np.mean(values, axis=0)
      worst = np.quantile(values, 0.1, axis=0)
      numbers = (mean[0], worst[0], mean[1], mean[2], worst[2])
      cells.append([str(count), rule, *(f'{value:+.2f}' for value in numbers)])
  print('\n'.join(tables.aligned(cells, words=2)))


if __name__ == '__main__':
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('records', type=pathlib.Path)
  parser.add_argument('--draws', type=int, default=200)
  arguments = parser.parse_args()
  main(arguments.records, arguments.draws)
