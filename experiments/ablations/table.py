"""Tables and curves of the ablations, from the records of run.py.

    python experiments/ablations/table.py results/scenes.jsonl results/scenes

For each study: the mean over images and seeds, the paired difference to the
study's reference with its 95 % interval over images (their mean over seeds),
and the difference of each seed.
"""

import collections
import json
import pathlib
import sys
from typing import Any

import numpy as np

from magnet_jax.evaluate.measuring import summary
from magnet_jax.evaluate.showing import curves, tables
from magnet_jax.evaluate.showing.curves import Curve

# What each study is compared with.
REFERENCES = {
  'points': '0',
  'score': 'both, with F',
  'blend': 'overlap 0, tent',
  'refiner': 'base',
  'windows': '1',
}
SCORES = {'miou': 'mIoU', 'boundary_iou': 'boundary IoU'}


def main(path: str, out: str) -> None:
  lines = pathlib.Path(path).read_text().splitlines()
  studies: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
  for record in map(json.loads, lines):
    studies[record['study']].append(record)
  text = []
  for study, found in studies.items():
    text += [f'{study}', *_table(study, found), '']
  pathlib.Path(f'{out}.txt').write_text('\n'.join(text))
  print('\n'.join(text))
  series = [
    Curve(
      words,
      *zip(
        *(
          (float(name), 100 * _mean(studies['points'], name, key))
          for name in _names(studies['points'])
        ),
        strict=True,
      ),
    )
    for key, words in SCORES.items()
  ]
  picture = curves.curves(series, x='K, share of the pixels of a window',
                          y='%', start=0)  # fmt: skip
  picture.write(f'{out}_points.png')


def _names(found: list[dict[str, Any]]) -> list[str]:
  return list(dict.fromkeys(record['variant'] for record in found))


def _mean(found: list[dict[str, Any]], name: str, key: str) -> float:
  return float(np.mean([r[key] for r in found if r['variant'] == name]))


def _table(study: str, found: list[dict[str, Any]]) -> list[str]:
  names = _names(found)
  reference = REFERENCES.get(study, names[0])
  heads = ['', 'mIoU %', f'minus "{reference}"', 'of each seed',
           'boundary IoU %', f'minus "{reference}"', 'windows']  # fmt: skip
  rows = [heads]
  for name in names:
    row = [name]
    for key in SCORES:
      row.append(f'{100 * _mean(found, name, key):.2f}')
      row.append(_difference(found, name, reference, key))
      if key == 'miou':
        row.append(_seeds(found, name, reference))
    windows = [r['windows'] for r in found if r['variant'] == name]
    rows.append([*row, f'{np.mean(windows):.0f}'])
  return tables.aligned(rows, 1)


def _difference(
  found: list[dict[str, Any]], name: str, reference: str, key: str
) -> str:
  """Over images: of each the mean over the seeds."""
  if name == reference:
    return ''
  values = collections.defaultdict(list)
  for record in found:
    values[record['variant'], record['image']].append(record[key])
  means = [
    {'method': variant, 'image': image, key: float(np.mean(scores))}
    for (variant, image), scores in values.items()
  ]
  return tables.difference_text(
    summary.paired_difference(means, name, reference, key)
  )


def _seeds(found: list[dict[str, Any]], name: str, reference: str) -> str:
  if name == reference:
    return ''
  differences = []
  for seed in sorted({record['seed'] for record in found}):
    mine = [record for record in found if record['seed'] == seed]
    first, second = (_mean(mine, each, 'miou') for each in (name, reference))
    differences.append(first - second)
  return ' '.join(f'{100 * each:+.1f}' for each in differences)


if __name__ == '__main__':
  main(*sys.argv[1:])
