"""Tables and pictures of the ablations, from the records of run.py.

    python experiments/ablations/table.py results/scenes.jsonl results/scenes

For each study: the mean over images and seeds, the paired difference to the
study's reference with its 95 % interval over images (their mean over seeds),
and the difference of each seed. OUT_points.png has the curve against K,
OUT_studies.png the differences of the other studies.
"""

import collections
import json
import pathlib
import sys
from typing import Any

import numpy as np

from magnet_jax.evaluate import summary, tables
from magnet_jax.evaluate.summary import Difference
from magnet_jax.report import charts, curves
from magnet_jax.report.curves import Curve
from magnet_jax.report.shown import Picture

# What each study is compared with; otherwise its first line.
REFERENCES = {
  'points': '0',
  'score': 'both, with F',
  'stages': '4',
  'blend': 'overlap 0, tent',
  'refiner': 'base',
  'windows': '1',
}
SCORES = {'miou': 'mIoU', 'boundary_iou': 'boundary IoU'}

Studies = dict[str, list[dict[str, Any]]]


def main(path: str, out: str) -> None:
  studies = _read(path)
  text = []
  for study, found in studies.items():
    text += [study, *_table(study, found), '']
  pathlib.Path(f'{out}.txt').write_text('\n'.join(text))
  print('\n'.join(text))
  _curve(studies['points']).write(f'{out}_points.png')
  _differences(studies).write(f'{out}_studies.png')


def _read(path: str) -> Studies:
  """Records by study, each study's in the order of its variants."""
  studies: Studies = collections.defaultdict(list)
  for line in pathlib.Path(path).read_text().splitlines():
    record = json.loads(line)
    studies[record['study']].append(record)
  return studies


def _names(found: list[dict[str, Any]]) -> list[str]:
  return list(dict.fromkeys(record['variant'] for record in found))


def _reference(study: str, found: list[dict[str, Any]]) -> str:
  return REFERENCES.get(study, _names(found)[0])


def _mean(found: list[dict[str, Any]], name: str, key: str) -> float:
  return float(np.mean([r[key] for r in found if r['variant'] == name]))


def _curve(found: list[dict[str, Any]]) -> Picture:
  names = _names(found)
  series = [
    Curve(
      words,
      tuple(map(float, names)),
      tuple(100 * _mean(found, name, key) for name in names),
    )
    for key, words in SCORES.items()
  ]
  return curves.curves(
    series, x='K, share of the pixels of a window', y='IoU %', start=0
  )


def _differences(studies: Studies) -> Picture:
  lines = [
    (study, found, name)
    for study, found in studies.items()
    if study != 'points'
    for name in _names(found)
    if name != _reference(study, found)
  ]
  panels = [
    (
      f'{words}, points above the reference',
      [
        _difference(found, name, _reference(study, found), key)
        for study, found, name in lines
      ],
    )
    for key, words in SCORES.items()
  ]
  labels = [f'{study}: {name}' for study, _, name in lines]
  return charts.intervals(labels, panels)


def _table(study: str, found: list[dict[str, Any]]) -> list[str]:
  reference = _reference(study, found)
  heads = [
    '',
    'mIoU %',
    f'minus "{reference}"',
    'of each seed',
    'boundary IoU %',
    f'minus "{reference}"',
    'windows',
  ]
  rows = [heads]
  for name in _names(found):
    row = [name]
    for key in SCORES:
      row.append(f'{100 * _mean(found, name, key):.2f}')
      row.append(
        ''
        if name == reference
        else tables.difference_text(_difference(found, name, reference, key))
      )
      if key == 'miou':
        row.append(_seeds(found, name, reference))
    windows = [r['windows'] for r in found if r['variant'] == name]
    rows.append([*row, f'{np.mean(windows):.0f}'])
  return tables.aligned(rows, 1)


def _difference(
  found: list[dict[str, Any]], name: str, reference: str, key: str
) -> Difference:
  """Over images: of each the mean over the seeds that have both."""
  scores = {(r['variant'], r['image'], r['seed']): r[key] for r in found}
  paired = collections.defaultdict(list)
  for variant, image, seed in scores:
    both = [scores.get((v, image, seed)) for v in (name, reference)]
    if variant == name and both[1] is not None:
      paired[image].append(both)
  means = [
    {'method': variant, 'image': image, key: float(score)}
    for image, pairs in paired.items()
    for variant, score in zip(
      (name, reference), np.mean(pairs, axis=0), strict=True
    )
  ]
  return summary.paired_difference(means, name, reference, key)


def _seeds(found: list[dict[str, Any]], name: str, reference: str) -> str:
  """Of each training that has both."""
  if name == reference:
    return ''
  differences = []
  for seed in sorted({record['seed'] for record in found}):
    mine = [record for record in found if record['seed'] == seed]
    if {name, reference} <= set(_names(mine)):
      first, second = (_mean(mine, each, 'miou') for each in (name, reference))
      differences.append(first - second)
  return ' '.join(f'{100 * each:+.1f}' for each in differences)


if __name__ == '__main__':
  main(*sys.argv[1:])
