"""What a command takes from its start to its end, and its parts.

    python experiments/startup/measure.py --models=aerial,scenes

Commands are run as a user runs them, in processes of their own: seconds of the
clock and of the processor, first with an empty folder of compiled programs,
then with what the first run has left there. The parts are those of a process
that does the same step by step; what JAX says of itself is indented, as it is
within the line above.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from magnet_jax.files import images
from magnet_jax.scenes import generator

_PARTS = pathlib.Path(__file__).with_name('parts.py')
_COMMAND = (sys.executable, '-m', 'magnet_jax')


def _run(command: list[str], cache: str) -> tuple[str, float, float]:
  """What a command prints, and its seconds: of the clock, the processor."""
  before, start = os.times(), time.perf_counter()
  done = subprocess.run(
    command,
    env={**os.environ, 'MAGNET_JAX_CACHE': cache},
    capture_output=True,
    text=True,
    check=True,
  )
  clock, after = time.perf_counter() - start, os.times()
  used = sum(after[2:4]) - sum(before[2:4])  # of children
  return done.stdout, clock, used


def main(argv: list[str]) -> int:
  """Prints the tables; returns the exit status."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--models', default='aerial,scenes')
  parser.add_argument('--size', type=int, default=1000)
  parser.add_argument('--repeats', type=int, default=3, help='with programs')
  given = parser.parse_args(argv)
  print(f'{"command":34}{"clock s":>9}{"processor s":>13}')
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    scene = generator.generate(0, (given.size, given.size))
    image = folder / 'image.png'
    images.write_image(image, scene.image)

    def timed(label: str, command: list[str], cache: str) -> None:
      _, clock, used = _run(command, cache)
      print(f'{label:34}{clock:9.2f}{used:13.2f}', flush=True)

    timed('--help', [*_COMMAND, '--help'], 'off')
    timed('segment --help', [*_COMMAND, 'segment', '--help'], 'off')
    for model in given.models.split(','):
      cache = str(folder / model)
      for number in range(given.repeats + 1):
        kind = 'again' if number else 'first'
        out = folder / f'{model}{number}'
        timed(
          f'segment --checkpoint={model}, {kind}',
          [
            *_COMMAND, 'segment', str(image), f'--checkpoint={model}',
            f'--out={out}',
          ],
          cache,
        )  # fmt: skip
      text, *_ = _run([sys.executable, str(_PARTS), model, str(image)], cache)
      print(f'\nparts, {model}:\n{text}', flush=True)
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
