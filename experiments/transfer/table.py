"""The table of segmenters, each with its own and with a foreign refiner.

Example:
  python experiments/transfer/table.py runs/transfer/scenes/*
"""

from collections.abc import Sequence
import dataclasses
import json
import pathlib
import sys
from typing import Any

import numpy as np

from magnet_jax.evaluate import summary, tables
from magnet_jax.files import records

SCORES = {'miou': 'mIoU', 'boundary_iou': 'boundary IoU'}
COLUMNS = (
  'segmenter',
  'refiner',
  'downsample mIoU %',
  'magnet mIoU %',
  'boundary IoU %',
  'gain in mIoU',
  'gain in boundary IoU',
)


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """A folder of `magnet-jax evaluate --segmenter=A --refiner=B`.

  Attributes:
    segmenter: A.
    refiner: B.
    found: the records of the methods downsample and magnet.
  """

  segmenter: str
  refiner: str
  found: list[dict[str, Any]]

  def mean(self, method: str, key: str) -> str:
    """A method's score in per cent, averaged over the images."""
    values = [r[key] for r in self.found if r['method'] == method]
    return f'{100 * np.mean(values):.2f}'

  def gain(self, key: str) -> str:
    """What magnet gains over downsample on the same images."""
    return tables.difference_text(
      summary.paired_difference(self.found, 'magnet', 'downsample', key)
    )


def read(folder: pathlib.Path) -> Evaluation:
  """Reads what the evaluation says of itself, and its records."""
  settings = json.loads((folder / 'settings.json').read_text())
  return Evaluation(
    settings['segmenter'],
    settings['refiner'],
    records.read(folder / 'records.jsonl'),
  )


def rows(evaluations: Sequence[Evaluation]) -> list[tuple[str, ...]]:
  """The heading, and a row for each evaluation."""
  return [
    COLUMNS,
    *(
      (
        pathlib.Path(each.segmenter).name,
        pathlib.Path(each.refiner).name,
        each.mean('downsample', 'miou'),
        each.mean('magnet', 'miou'),
        each.mean('magnet', 'boundary_iou'),
        *(each.gain(key) for key in SCORES),
      )
      for each in evaluations
    ),
  ]


def own_minus_foreign(evaluations: Sequence[Evaluation]) -> list[str]:
  """Per segmenter: magnet with its own refiner minus with each other one."""
  lines = []
  own = {e.segmenter: e for e in evaluations if e.segmenter == e.refiner}
  for other in evaluations:
    mine = own.get(other.segmenter)
    if mine is None or mine is other:
      continue
    both = [
      record | {'method': name}
      for name, each in (('own', mine), ('foreign', other))
      for record in each.found
      if record['method'] == 'magnet'
    ]
    for key, words in SCORES.items():
      difference = summary.paired_difference(both, 'own', 'foreign', key)
      lines.append(
        f'{pathlib.Path(other.segmenter).name}: own refiner minus that of '
        f'{pathlib.Path(other.refiner).name}, {words}: '
        + tables.difference_text(difference)
      )
  return lines


def main(*folders: str) -> None:
  """Prints the table and the differences."""
  evaluations = [read(pathlib.Path(folder)) for folder in folders]
  table = rows(evaluations)
  widths = [max(map(len, column)) for column in zip(*table, strict=True)]
  for row in table:
    cells = zip(row, widths, strict=True)
    print('  '.join(cell.ljust(width) for cell, width in cells).rstrip())
  print(*own_minus_foreign(evaluations), sep='\n')


if __name__ == '__main__':
  main(*sys.argv[1:])
