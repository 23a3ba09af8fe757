"""Compares evaluations: all methods, and each run with the first one.

Example:
  python experiments/checkpoints/compare.py carrotweed runs/a/val runs/b/val
"""

import sys

from magnet_jax.data import classes
from magnet_jax.evaluate import differences, saved_runs
from magnet_jax.report import run_tables
from magnet_jax.types import InputError


def main(table: str, *paths: str) -> None:
  """Prints the results and the paired differences.

  Args:
    table: name of the runs' class table.
    *paths: two or more folders that `magnet-jax evaluate --out` wrote, or
      their records.
  """
  runs = saved_runs.read_runs({p: p for p in paths}, classes.get(table))
  found = differences.compare(runs, differences.across(runs))
  print(
    run_tables.results(runs), run_tables.difference_table(found), sep='\n\n'
  )


if __name__ == '__main__':
  if len(sys.argv) < 4:
    sys.exit(__doc__)
  try:
    main(*sys.argv[1:])
  except InputError as error:
    sys.exit(f'error: {error}')
