"""Compares one method of two evaluations, image by image.

Example:
  python experiments/compare.py runs/a/val/records.jsonl \
    runs/b/val/records.jsonl magnet
"""

import sys

from magnet_jax.evaluate import summary, tables
from magnet_jax.io import records


def main(first: str, second: str, method: str) -> None:
  """Prints the paired differences, first minus second, of both scores."""
  both = []
  for name, path in (('first', first), ('second', second)):
    both += [
      record | {'method': name}
      for record in records.read(path)
      if record['method'] == method
    ]
  print(f'{method}: {first} minus {second}')
  for key in ('miou', 'boundary_iou'):
    difference = summary.paired_difference(both, 'first', 'second', key)
    print(f'  {key}: {tables.difference_text(difference)}')


if __name__ == '__main__':
  main(*sys.argv[1:])
