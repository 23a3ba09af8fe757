"""Times networks alone, in JAX and, if installed, in PyTorch.

    python experiments/forward/run.py --networks=fpn,hrnet18 --batches=1,4

Each network is timed at its published input, beside the operations that XLA
counts, and beside the same network with the same weights in PyTorch; calls of
the two alternate.
"""

import argparse
import pathlib
import sys

import networks
import setting
import table
import timing

from magnet_jax.files import atomic, records
from magnet_jax.models import build
from magnet_jax.types import InputError


def _words(text: str) -> list[str]:
  found = [word.strip() for word in text.split(',') if word.strip()]
  if not found:
    raise argparse.ArgumentTypeError('empty: name at least one')
  return found


def _batches(text: str) -> list[int]:
  words = _words(text)
  for word in words:
    if not word.isdecimal() or int(word) < 1:
      raise argparse.ArgumentTypeError(
        f'{word!r} is not a batch size; give whole numbers from 1 on, such as '
        '1,4,16'
      )
  return [int(word) for word in words]


def _positive(text: str) -> int:
  if not text.isdecimal() or int(text) < 1:
    raise argparse.ArgumentTypeError(f'{text!r}: must be at least 1')
  return int(text)


def _limit(text: str) -> float:
  value = float(text)
  if not value >= 0:
    raise argparse.ArgumentTypeError(f'{text}: must be at least 0')
  return value


def main(argv: list[str]) -> int:
  """Measures and prints; returns the exit status."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawTextHelpFormatter
  )
  add = parser.add_argument
  add(
    '--networks',
    type=_words,
    default=[*networks.NETWORKS],
    metavar='NAME,…',
    help=f'of {", ".join(networks.NETWORKS)}; all by default',
  )
  add(
    '--batches',
    type=_batches,
    default=[1, 4, 16],
    metavar='N,…',
    help='images per call; default 1,4,16',
  )
  add('--repeats', type=_positive, default=3, help='timed calls; default 3')
  add('--dtype', choices=build.DTYPES, default='float32')
  add(
    '--max_gb',
    type=_limit,
    default=0.0,
    metavar='X',
    help='leaves out what needs more memory (1e9 bytes); 0: what is free',
  )
  add(
    '--max_seconds',
    type=_limit,
    default=0.0,
    metavar='X',
    help='leaves out a batch whose call would take longer; 0: no limit',
  )
  add('--json', default='', metavar='FILE', help='writes all figures to it')
  given = parser.parse_args(argv)
  try:
    chosen = networks.select(given.networks)
    if given.json:
      atomic.prepare_folder(pathlib.Path(given.json).parent)
  except InputError as error:
    parser.error(str(error))
  rows = list(
    timing.run(
      chosen,
      given.batches,
      repeats=given.repeats,
      dtype=given.dtype,
      max_gb=given.max_gb,
      max_seconds=given.max_seconds,
      notify=lambda line: print(line, file=sys.stderr),
    )
  )
  found = setting.find(given.dtype)
  print(table.as_text(found, rows))
  if given.json:
    records.write_json(given.json, table.as_json(found, rows, vars(given)))
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
