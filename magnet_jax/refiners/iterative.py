"""Iterative refinement at one size: a network corrects its own result again.

After Li, Hariharan and Malik, Iterative Instance Segmentation, CVPR 2016: the
same network sees the same image and the segmentation so far, several times.
"""

from collections.abc import Iterator
import dataclasses
import functools

import jax
import numpy as np

from magnet_jax.models.iterative import Iterative
from magnet_jax.models.refiner import HALO
from magnet_jax.refiners.corrector import Corrector, Trained
from magnet_jax.refiners.refiner import Refiner, Seen
from magnet_jax.types import InputError

TIMES = 3


def make(
  *,
  num_classes: int,
  width: int = 64,
  momentum: float = 0.99,
  prior: bool = True,
  times: int = TIMES,
  start: str = 'patch',
) -> Corrector:
  """Returns the corrector without variables.

  Args:
    num_classes: C.
    width: features of the network's first convolutions.
    momentum: of its batch statistics.
    prior: start from the map itself, see `Iterative`.
    times: how often it is applied, at least 1.
    start: the method whose maps it is trained on.

  Raises:
    InputError: a setting is out of range.
  """
  if times < 1:
    raise InputError(f'times {times}: must be at least 1; {TIMES} is usual')
  module = Iterative(
    num_classes, width, momentum, prior, parent=None, name=None
  )
  blank = np.zeros((1, 8, 8, num_classes), np.float32)
  return Corrector(
    module,
    {'images': blank[..., :1].repeat(3, axis=-1), 'coarse': blank},
    start,
    functools.partial(refiner, times=times),
    rounds=functools.partial(rounds, times=times),
  )


def refiner(network: Trained, *, times: int = TIMES) -> Refiner:
  """Returns the refiner that applies a network several times.

  Args:
    network: (images=, coarse=), normalised [B,h,w,3] and probabilities
      [B,h,w,C] -> logits [B,h,w,C], given as
      `jax.tree_util.Partial(module.apply, variables)`.
    times: how often.
  """
  return Refiner(
    _Rounds(times),
    variables=network,
    needs=frozenset({'images'}),
    choice='everywhere',
    any_size=True,
    halo=HALO * times,
  )


def rounds(network: Trained, seen: Seen, *, times: int) -> Iterator[jax.Array]:
  """Yields the logits [B,h,w,C] of each round.

  In training, a round learns from the result of the one before, as it is at
  that moment, and does not change it.

  Args:
    network: as for `refiner`.
    seen: the image, which is the same in each round, and the map to begin with.
    times: number of rounds.
  """
  assert seen.images is not None
  coarse = seen.coarse
  for _ in range(times):
    logits = network(images=seen.images, coarse=coarse)
    yield logits
    coarse = jax.lax.stop_gradient(jax.nn.softmax(logits))


@dataclasses.dataclass(frozen=True)
class _Rounds:
  """A refiner's function; equal ones are compiled once."""

  times: int

  def __call__(self, network: Trained, seen: Seen) -> jax.Array:
    *_, logits = rounds(network, seen, times=self.times)
    return logits
