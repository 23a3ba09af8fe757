"""Mean-field steps: classes that pixels tell each other of, and certainty.

Krähenbühl and Koltun, Efficient Inference in Fully Connected CRFs with Gaussian
Edge Potentials, NeurIPS 2011, algorithm 1, with Potts' model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import functools
import operator

import numpy as np

Kernel = Callable[[np.ndarray, np.ndarray], None]

_LOWEST = 1e-5  # probability
_PIXELS = 2**14  # updated at once: their maps are in the cache


def mean_field(
  probabilities: np.ndarray,
  kernels: Sequence[Kernel],
  *,
  steps: int,
  certainty: float,
) -> np.ndarray:
  """Repeats Q <- softmax(log p + sum of K Q).

  Args:
    probabilities: p, float32 [H,W,C], summing to 1; clipped at 1e-5.
    kernels: each writes K Q, of float32 [H,W,n], to an array of that size.
    steps: at least 0.
    certainty: share of p; the rest is the same for all classes.

  Returns:
    Q, float32 [H,W,C].
  """
  *size, classes = probabilities.shape
  count = max(1, _PIXELS // size[1])
  bands = [slice(first, first + count) for first in range(0, size[0], count)]
  given = [
    _given(probabilities[band], certainty, planes)
    for band, planes in zip(
      bands, _planes(probabilities.shape, count), strict=True
    )
  ]
  # As probabilities sum to 1, the last class is what the others leave.
  maps = np.empty((*size, classes - 1), np.float32)
  result = np.empty(probabilities.shape, np.float32)
  to = maps if steps else result
  for band, planes in zip(bands, given, strict=True):
    _store(_softmax(planes), to[band])
  total = np.zeros(size, np.float32)
  if steps:
    ones = np.ones((*size, 1), np.float32)
    sums = np.empty_like(ones)
    for kernel in kernels:
      kernel(ones, sums)
      total += sums[..., 0]
  # Once, as fresh memory takes as long as a filter.
  messages = [np.empty_like(maps) for _ in kernels]
  for step in range(steps):
    for kernel, message in zip(kernels, messages, strict=True):
      kernel(maps, message)
    to = maps if step < steps - 1 else result
    for band, planes in zip(bands, given, strict=True):
      values = planes
      if kernels:
        message = functools.reduce(
          operator.add, (each[band] for each in messages)
        )
        values = np.empty_like(planes)
        values[:-1] = message.reshape(-1, classes - 1).T
        np.subtract(total[band].ravel(), values[:-1].sum(0), out=values[-1])
        values += planes
      _store(_softmax(values), to[band])
  return result


def _planes(shape: tuple[int, ...], count: int) -> Iterator[np.ndarray]:
  """Yields float32 [C,pixels] for each so many rows, all of one memory.

  Large pieces of memory are faster to get than many small ones.
  """
  height, width, classes = shape
  memory = np.empty((height, width * classes), np.float32)
  for first in range(0, height, count):
    yield memory[first : first + count].reshape(classes, -1)


def _given(
  probabilities: np.ndarray, certainty: float, planes: np.ndarray
) -> np.ndarray:
  """Returns log p in planes [C,pixels]."""
  classes = len(planes)
  planes[...] = probabilities.reshape(-1, classes).T
  planes *= np.float32(certainty)
  planes += np.float32((1 - certainty) / classes)
  np.clip(planes, _LOWEST, 1, out=planes)
  return np.log(planes, out=planes)


def _softmax(planes: np.ndarray) -> np.ndarray:
  """Returns the softmax over the first axis."""
  shares = planes - planes.max(0)
  np.exp(shares, out=shares)
  shares /= shares.sum(0)
  return shares


def _store(planes: np.ndarray, to: np.ndarray) -> None:
  """Writes the first planes of [C,pixels] to [n,W,classes]."""
  to.reshape(-1, to.shape[-1])[...] = planes[: to.shape[-1]].T
