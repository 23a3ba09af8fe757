"""The IoU over the classes that an image holds, and what methods gain in it.

  python experiments/systems/present_classes.py RECORDS…

A class that occurs in neither label nor result has no IoU and is left out of an
image's mean; one that occurs in the result alone counts as 0. Where a class is
rare, one wrong pixel of it can take a seventh from the mean, and a filter that
removes the pixel seems to mend much. So this mean leaves out whatever the label
does not hold: wrong pixels of it still count, against the classes that they
should have. Each method is compared with patch, or without it with the first.
"""

import sys
from typing import Any

import numpy as np

from magnet_jax.evaluate import summary
from magnet_jax.files import records
from magnet_jax.types import InputError


def present_iou(matrix: np.ndarray) -> float:
  """Mean IoU over the classes with labels, from a confusion matrix [C,C]."""
  right, labels = np.diag(matrix), matrix.sum(1)
  ious = right[labels > 0] / (labels + matrix.sum(0) - right)[labels > 0]
  return float(ious.mean())


def main(*paths: str) -> None:
  """Prints a row for each method."""
  found: dict[tuple[str, str], Any] = {}
  for path in paths:
    for record in records.read(path):
      matrix = np.asarray(record['confusion'], float)
      found[record['method'], record['image']] = {
        **record,
        'present': 100 * present_iou(matrix),
        'right': 100 * np.trace(matrix) / matrix.sum(),
      }
  rows = [*found.values()]
  methods = [*dict.fromkeys(method for method, _ in found)]
  reference = 'patch' if 'patch' in methods else methods[0]
  print(f'method        mIoU %  present %  right %  minus {reference}')
  for method in methods:
    own = [row for row in rows if row['method'] == method]
    miou = 100 * np.mean([row['miou'] for row in own])
    present, right = (
      np.mean([row[key] for row in own]) for key in ('present', 'right')
    )
    gain = ''
    if method != reference:
      by = summary.paired_difference(rows, method, reference, 'present')
      gain = f'{by.mean:+.1f}'
      if by.n > 1:  # one has no interval
        gain += f' [{by.low:+.1f}, {by.high:+.1f}]'
    print(f'{method:12}  {miou:6.1f}  {present:9.1f}  {right:7.1f}  {gain}')


if __name__ == '__main__':
  if len(sys.argv) < 2:
    sys.exit(__doc__)
  try:
    main(*sys.argv[1:])
  except InputError as error:
    sys.exit(f'error: {error}')
