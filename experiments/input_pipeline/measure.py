"""How many windows a second the input makes, and how many the training takes.

    python experiments/input_pipeline/measure.py scenes
    python experiments/input_pipeline/measure.py carrotweed

Batches are made as in training and thrown away; then the training step of the
segmenter runs on one batch again and again. With a run's folder as a second
word, the trainer's own record of the time that it waited is shown as well.
"""

import itertools
import pathlib
import statistics
import sys
import time

from absl import flags
import jax
import numpy as np

from magnet_jax.cli import config_file
from magnet_jax.files import records
from magnet_jax.train import segmenter_task

_BATCHES, _STEPS = 40, 5


def main(name: str, run: str = '') -> None:
  config = config_file.load(name)
  task = segmenter_task.make(config)
  batches = task.batches(0)
  first = next(batches)
  count = len(jax.tree.leaves(first)[0])
  # The first batches decode the images that later ones find in the cache.
  for _ in itertools.islice(batches, _BATCHES // 2):
    pass
  start = time.perf_counter()
  for _ in itertools.islice(batches, _BATCHES):
    pass
  made = _BATCHES * count / (time.perf_counter() - start)
  state = task.team.copy(task.start())
  placed = task.team.split(first)
  rate = np.float32(config.train.segmenter.rate)
  seconds = []
  for _ in range(_STEPS + 1):
    start = time.perf_counter()
    state, metrics = task.step(state, placed, rate)
    jax.block_until_ready(metrics)
    seconds.append(time.perf_counter() - start)
  taken = count / statistics.median(seconds[1:])
  print(
    f'{name}: batches of {count} windows of '
    f'{"x".join(map(str, jax.tree.leaves(first)[0].shape[1:3]))}: input makes '
    f'{made:.0f} windows/s, a step takes {taken:.1f}: {made / taken:.1f} x'
  )
  if run:
    found = records.read(pathlib.Path(run) / 'segmenter' / 'train.jsonl')[1:]
    share = np.sum([r['wait'] for r in found]) / np.sum(
      [r['seconds'] for r in found]
    )
    print(
      f'{run}: of {len(found)} steps after the first {100 * share:.2f} % of '
      f'the time was spent waiting, median '
      f'{1e3 * statistics.median(r["wait"] for r in found):.2f} ms of '
      f'{1e3 * statistics.median(r["seconds"] for r in found):.0f}'
    )


if __name__ == '__main__':
  flags.FLAGS.mark_as_parsed()
  main(*sys.argv[1:])
