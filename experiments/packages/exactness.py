"""How far are dense-crf and pydensecrf2 from the sum over all pairs of pixels?

python experiments/packages/exactness.py PHOTOGRAPH --crops=4 --side=96
"""

import argparse

import inputs
import numpy as np
import others

from magnet_jax.filters import dense_crf

_ROWS = 512  # of the kernel at once


class Exact:
  """The mean-field steps of an image, each by all pairs, in float32."""

  def __init__(self, image: np.ndarray):
    positions = np.stack(np.indices(image.shape[:2]), -1).reshape(-1, 2)
    colours = image.reshape(-1, 3)
    both = np.concatenate([positions / 80, colours / 13], 1)
    self._kernels = [
      (3, _normalised(positions / 3)),
      (10, _normalised(both)),
    ]

  def __call__(self, maps: np.ndarray, steps: int) -> np.ndarray:
    given = np.log(maps.reshape(-1, maps.shape[-1]).clip(1e-5, 1))
    found = _softmax(given)
    for _ in range(steps):
      sums = [weight * (kernel @ found) for weight, kernel in self._kernels]
      found = _softmax(given + sum(sums))
    return found.reshape(maps.shape)


def _normalised(features: np.ndarray) -> np.ndarray:
  features = features.astype(np.float32)
  kernel = np.empty((len(features), len(features)), np.float32)
  for first in range(0, len(features), _ROWS):
    part = features[first : first + _ROWS, None]
    squares = sum(
      (part[..., axis] - features[:, axis]) ** 2
      for axis in range(features.shape[1])
    )
    kernel[first : first + _ROWS] = np.exp(-squares / 2)
  scale = 1 / np.sqrt(kernel.sum(1))
  kernel *= scale[:, None]
  kernel *= scale
  return kernel


def _softmax(logits: np.ndarray) -> np.ndarray:
  values = np.exp(logits - logits.max(-1, keepdims=True))
  return values / values.sum(-1, keepdims=True)


def _crops(image: np.ndarray, maps: np.ndarray, count: int, side: int):
  """Yields crops that are around an outline of the map."""
  outlines = np.argwhere(np.diff(maps.argmax(-1), axis=0)[:-side, :-side])
  for row, column in np.random.default_rng(0).choice(outlines, count):
    crop = slice(row, row + side), slice(column, column + side)
    yield np.ascontiguousarray(image[crop]), np.ascontiguousarray(maps[crop])


def main() -> None:
  """Measures and prints."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('photograph')
  parser.add_argument('--side', type=int, default=96)
  parser.add_argument('--crops', type=int, default=4)
  parser.add_argument('--classes', type=int, default=7)
  args = parser.parse_args()
  image = inputs.photograph(args.photograph, 2448)
  maps = inputs.probabilities(image, args.classes)
  programs = {
    'ours, as of small images': dense_crf.dense_crf,
    'ours, as of large images': lambda *given, steps: dense_crf.dense_crf(
      *given, steps=steps, cells=dense_crf.CELLS
    ),
    'pydensecrf2': others.dense_crf,
  }
  rows: dict[str, list] = {name: [] for name in programs}
  for crop in _crops(image, maps, args.crops, args.side):
    exact = Exact(crop[0])
    one, five = exact(crop[1], 1), exact(crop[1], 5).argmax(-1)
    for name, program in programs.items():
      error = np.abs(program(*crop, steps=1) - one)
      away = program(*crop, steps=5).argmax(-1) != five
      rows[name].append((error.mean(), error.max(), away.mean()))
  print(f'{args.crops} crops of {args.side} x {args.side} around outlines')
  for name, found in rows.items():
    mean, highest, away = np.array(found).T
    print(
      f'{name:25} one step: mean {mean.mean():.5f}, highest '
      f'{highest.max():.4f}; five steps: labels away {away.mean():.2%}',
      flush=True,
    )


if __name__ == '__main__':
  main()
