"""Does time grow with the number of windows alone? Images of four sizes.

    taskset -c 0 python experiments/larger/growth.py --model=scenes

Each size is a mosaic of the same generated scenes. Seconds are those of the
processor for a whole image in memory, from pixels to labels, warm, and `system`
those of them that the system takes, which clears fresh memory; windows are all
that the networks computed. Turns alternate over the sizes, and the median
of each size's turns counts.
"""

import argparse
import os
import statistics
import sys

import numpy as np

from magnet_jax.cascade import labels
from magnet_jax.evaluate.compiles import CompileCounter
from magnet_jax.predict import model as models
from magnet_jax.scenes import generator


def _windows(model: models.Model, image: np.ndarray, share: float) -> int:
  """Segments an image; returns how many windows that took."""
  cascade = model.cascade(windows=share)
  count = 0
  plan = model.plan((image.shape[0], image.shape[1]))
  for result in cascade.stages(image, plan):
    count += len(result.windows)
  labels.predict(result.probabilities)
  return count


def main(argv: list[str]) -> int:
  """Prints the table; returns the exit status."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--model', default='scenes')
  parser.add_argument('--sizes', default='1224,2448,4896,9792')
  parser.add_argument('--windows', type=float, default=1.0, help='share of all')
  parser.add_argument('--repeats', type=int, default=2)
  given = parser.parse_args(argv)
  sizes = sorted(int(size) for size in given.sizes.split(','))
  model = models.load(given.model)
  scene = generator.generate(0, (sizes[0], sizes[0])).image
  seconds: dict[int, list[float]] = {size: [] for size in sizes}
  system: dict[int, list[float]] = {size: [] for size in sizes}
  windows: dict[int, int] = {}
  with CompileCounter() as compiles:
    _windows(model, scene, given.windows)
    before = compiles.count
    for _ in range(given.repeats):
      for size in sizes:
        copies = -(-size // sizes[0])
        image = np.tile(scene, (copies, copies, 1))[:size, :size]
        start = os.times()
        windows[size] = _windows(model, image, given.windows)
        end = os.times()
        system[size].append(end.system - start.system)
        seconds[size].append(system[size][-1] + end.user - start.user)
        del image
    later = compiles.count - before
  print(
    f'{"pixels":>12}{"windows":>9}{"seconds":>10}{"ms/window":>11}{"system":>8}'
    f'{"ratio":>7}'
  )
  first = 0.0
  for size in sizes:
    total = statistics.median(seconds[size])
    each = 1000 * total / windows[size]
    first = first or each
    print(
      f'{f"{size}^2":>12}{windows[size]:9}{total:10.1f}{each:11.1f}'
      f'{1000 * statistics.median(system[size]) / windows[size]:8.1f}'
      f'{each / first:7.2f}'
    )
  print(
    f'{given.model}, {100 * given.windows:g} % of the windows, '
    f'{given.repeats} turns; programs compiled after the first image: {later}'
  )
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
