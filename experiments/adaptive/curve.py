"""Windows used and accuracy kept: a table and a picture.

From the folder of the evaluations, or from the records that it wrote before:

  python experiments/adaptive/curve.py runs/adaptive/scenes results/scenes
  python experiments/adaptive/curve.py results/scenes.jsonl results/scenes
"""

import json
import pathlib
import sys
from typing import Any

import numpy as np

from magnet_jax.evaluate import summary, tables
from magnet_jax.files import atomic, records
from magnet_jax.report import curves
from magnet_jax.report.curves import Curve

Record = dict[str, Any]


def load(folder: pathlib.Path) -> list[Record]:
  """All records; a method's name says how its windows were chosen."""
  if folder.is_file():
    return records.read(folder)
  found = []
  for run in sorted(folder.iterdir()):
    kind, value = run.name.split('_')
    for record in records.read(run / 'records.jsonl'):
      if record['method'] == 'downsample' and value != '0':
        continue
      if record['method'] != 'downsample':
        record['method'] = f'{kind} {float(value):g}'
      found.append(record)
  # All windows are both the least threshold and the whole share.
  return found + [
    record | {'method': 'share 1'}
    for record in found
    if record['method'] == 'least 0'
  ]


def main(source: str, out: str) -> None:
  """Prints the table; writes the records and the picture."""
  found = load(pathlib.Path(source))
  methods = sorted(
    {r['method'] for r in found} - {'downsample'},
    key=lambda m: (m.split()[0], float(m.split()[1])),
  )

  def mean(method: str, key: str) -> float:
    return float(np.mean([r[key] for r in found if r['method'] == method]))

  base, best = mean('downsample', 'miou'), mean('least 0', 'miou')
  head = ('windows', 'used', 'mIoU %', 'gain kept', 'less than all windows')
  lines = [head, ('downsample', '1', f'{100 * base:.2f}', '0 %', '')]
  for method in methods:
    score = mean(method, 'miou')
    lost = summary.paired_difference(found, method, 'least 0')
    lines.append(
      (
        method,
        f'{mean(method, "windows"):.0f}',
        f'{100 * score:.2f}',
        f'{100 * (score - base) / (best - base):.0f} %',
        tables.difference_text(lost),
      )
    )
  print('\n'.join(tables.aligned([list(line) for line in lines], 1)))
  words = {
    'least': 'threshold on the uncertainty of a window',
    'share': 'share of the windows, the most uncertain first',
  }
  series = []
  for kind, name in words.items():
    # Settings that refine the same windows share a point.
    points = {(1.0, 100 * base): ''}
    for method in methods:
      if method.startswith(kind):
        point = mean(method, 'windows'), 100 * mean(method, 'miou')
        setting = method.split()[1]
        points[point] = ', '.join(filter(None, (points.get(point), setting)))
    x, y = zip(*sorted(points), strict=True)
    labels = tuple(points[point] for point in sorted(points))
    series.append(Curve(name, x, y, labels))
  picture = curves.curves(series, x='windows', y='mIoU %', start=0)
  picture.write(f'{out}.png')
  slim = ('image', 'method', 'windows', 'miou', 'boundary_iou', 'iou')
  text = '\n'.join(
    json.dumps({key: record[key] for key in slim}) for record in found
  )
  atomic.write_bytes(f'{out}.jsonl', (text + '\n').encode())


if __name__ == '__main__':
  main(*sys.argv[1:])
