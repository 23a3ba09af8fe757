"""Rounds the kernels of an exported model to few bits a weight.

Example:
  python experiments/rounding/round_weights.py MODEL.npz 8 ROUNDED.npz
"""

import sys

import numpy as np

from magnet_jax.files import bundle, trees


def rounded(kernel: np.ndarray, bits: int) -> np.ndarray:
  """The nearest of 2 ** bits - 1 even steps; each output has its own range."""
  largest = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)))
  step = np.maximum(largest, 1e-30) / (2 ** (bits - 1) - 1)
  return (np.round(kernel / step) * step).astype(kernel.dtype)


def main(source: str, bits: str, target: str) -> None:
  """Writes the rounded model; biases and statistics stay as they are."""
  variables, meta = bundle.read(source)
  leaves = {
    name: rounded(leaf, int(bits)) if name.endswith('/kernel') else leaf
    for name, leaf in trees.flatten(variables).items()
  }
  bundle.export(target, trees.unflatten(leaves), meta)


if __name__ == '__main__':
  main(*sys.argv[1:])
