"""Times whole configurations in several source trees, by turns on one core.

  git worktree add --detach /tmp/before COMMIT
  python experiments/configurations/compare.py before=/tmp/before now=.

A side is NAME=TREE or NAME=TREE,ENGINE[,PRECISION]; the first is what the
others are compared with. --env=NAME:VARIABLE=VALUE sets a variable for a side.
Seconds are those of the processor, of warm calls.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
import contextlib
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np

_HERE = pathlib.Path(__file__).parent
NAMES = (
  'deepglobe',
  'deepglobe-released',
  'deepglobe-fast',
  'cityscapes-fast',
  'cityscapes',
)


@dataclasses.dataclass(frozen=True)
class Side:
  """A source tree and an engine.

  Attributes:
    name: in the table.
    tree: folder that holds `magnet_jax/`.
    engine: of the networks.
    precision: of the engine.
    variables: of the environment.
  """

  name: str
  tree: pathlib.Path
  engine: str = 'xla'
  precision: str = 'float32'
  variables: Mapping[str, str] = dataclasses.field(default_factory=dict)

  @classmethod
  def parse(cls, text: str) -> 'Side':
    """Reads NAME=TREE[,ENGINE[,PRECISION]]."""
    name, given, rest = text.partition('=')
    tree, *engine = rest.split(',')
    folder = pathlib.Path(tree).resolve()
    found = given and (folder / 'magnet_jax').is_dir()
    if not found or len(engine) > 2:
      raise argparse.ArgumentTypeError(
        f'{text!r}: must be NAME=TREE[,ENGINE[,PRECISION]], and TREE a folder '
        'with magnet_jax/ in it'
      )
    return cls(name, folder, *engine)


def _with_variables(sides: Sequence[Side], texts: Sequence[str]) -> list[Side]:
  """Adds what --env gives to the sides that it names."""
  given: dict[str, dict[str, str]] = {side.name: {} for side in sides}
  for text in texts:
    name, found, assignment = text.partition(':')
    variable, equals, value = assignment.partition('=')
    if name not in given or not found or not equals:
      raise ValueError(
        f'--env={text}: must be NAME:VARIABLE=VALUE, and NAME one of '
        f'{", ".join(given)}'
      )
    given[name][variable] = value
  return [dataclasses.replace(s, variables=given[s.name]) for s in sides]


def _path(tree: pathlib.Path) -> str:
  """Where a tree's process imports from: first from it."""
  inherited = os.environ.get('PYTHONPATH', '')
  return os.pathsep.join(filter(None, [str(tree), inherited]))


class Worker:
  """A process that segments the image of a configuration when asked to."""

  def __init__(self, side: Side, name: str, core: int):
    self.side = side
    self._process = subprocess.Popen(
      [
        *('taskset', '-c', str(core)),
        *(sys.executable, str(_HERE / 'worker.py'), name),
        *(f'--engine={side.engine}', f'--precision={side.precision}'),
      ],
      env={**os.environ, **side.variables, 'PYTHONPATH': _path(side.tree)},
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
    )

  def run(self) -> dict[str, Any]:
    """Segments once; returns what it took, and the labels."""
    assert self._process.stdin and self._process.stdout
    with tempfile.TemporaryDirectory() as folder:
      path = pathlib.Path(folder, 'labels.npy')
      self._process.stdin.write(f'{path}\n')
      self._process.stdin.flush()
      line = self._process.stdout.readline()
      if not line:
        raise SystemExit(f'{self.side.name}: the process has ended')
      return {**json.loads(line), 'labels': np.load(path)}

  def close(self) -> None:
    """Ends the process."""
    assert self._process.stdin
    self._process.stdin.close()
    self._process.wait()


def rows(
  sides: Sequence[Side], name: str, repeats: int, core: int
) -> Iterator[str]:
  """Times a configuration; yields a line for each side."""
  with contextlib.ExitStack() as stack:
    workers = [Worker(side, name, core) for side in sides]
    for worker in workers:
      stack.callback(worker.close)
    first = [worker.run() for worker in workers]  # compiles
    # By turns, so that other load on the machine affects all.
    rounds = [[worker.run() for worker in workers] for _ in range(repeats)]
  for index, side in enumerate(sides):
    own = [each[index] for each in rounds]
    ratios = [each[index]['seconds'] / each[0]['seconds'] for each in rounds]
    alike = np.mean(first[index]['labels'] == first[0]['labels'])
    yield (
      f'{name:20}{side.name:16}'
      f'{statistics.median(each["seconds"] for each in own):8.2f}'
      f'{statistics.median(ratios):7.2f}{min(ratios):7.2f}{max(ratios):7.2f}'
      f'{statistics.median(each["system"] for each in own):8.2f}'
      f'{own[-1]["faults"] / 1e3:9.0f}{own[-1]["peak_mb"]:8.0f}'
      f'{100 * alike:9.3f}'
    )


def main(argv: list[str]) -> int:
  """Prints the table; returns the exit status."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('sides', nargs='+', type=Side.parse)
  parser.add_argument('--names', default=','.join(NAMES))
  parser.add_argument('--repeats', type=int, default=3)
  parser.add_argument('--core', type=int, default=0)
  parser.add_argument('--env', action='append', default=[])
  given = parser.parse_args(argv)
  names = given.names.split(',')
  if unknown := ', '.join(name for name in names if name not in NAMES):
    parser.error(f'--names {unknown}: unknown; choose among {", ".join(NAMES)}')
  print(
    f'{"configuration":20}{"side":16}{"seconds":>8}{"ratio":>7}{"least":>7}'
    f'{"most":>7}{"system":>8}{"faults/k":>9}{"peak MB":>8}{"alike %":>9}'
  )
  try:
    sides = _with_variables(given.sides, given.env)
  except ValueError as error:
    parser.error(str(error))
  for name in names:
    for line in rows(sides, name, given.repeats, given.core):
      print(line, flush=True)
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
