"""Times the filters beside OpenCV's and pydensecrf2, on one core.

python experiments/packages/filters.py PHOTOGRAPH --side=2448 --classes=7
"""

import argparse

import cv2
import inputs
import numpy as np
import others
import timing

from magnet_jax.filters import dense_crf, fast_guided, guided


def main() -> None:
  """Measures and prints."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('photograph')
  parser.add_argument('--side', type=int, default=2448)
  parser.add_argument('--classes', type=int, default=7)
  parser.add_argument('--repeats', type=int, default=5)
  args = parser.parse_args()
  cv2.setNumThreads(1)
  image = inputs.photograph(args.photograph, args.side)
  maps = inputs.probabilities(image, args.classes)
  print(
    f'{args.side} x {args.side}, {args.classes} classes, '
    f'{args.repeats} times in alternation, seconds of the processor'
  )
  print(timing.HEADER)
  rows = {
    'guided': (
      lambda: guided.guided(image, maps),
      lambda: others.guided(image, maps, scale=1),
    ),
    'fast-guided': (
      lambda: fast_guided.fast_guided(image, maps),
      lambda: others.guided(image, maps, scale=1 / fast_guided.SUBSAMPLING),
    ),
    'dense-crf': (
      lambda: dense_crf.dense_crf(image, maps),
      lambda: others.dense_crf(image, maps),
    ),
  }
  for name, (ours, theirs) in rows.items():
    results = timing.compare(name, ours, theirs, args.repeats)
    one, other = (result.argmax(-1) for result in results)
    print(
      f'{"":12} labels that differ: {np.mean(one != other):.2%}', flush=True
    )


if __name__ == '__main__':
  main()
