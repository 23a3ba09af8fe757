"""Correctors: trained networks that correct a finished map by its image."""

from collections.abc import Callable, Iterable, Mapping
import dataclasses
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from magnet_jax.refiners.refiner import Refiner, Seen

# A network with its variables, called as its module is.
Trained = Callable[..., jax.Array]
# image uint8 [H,W,3], probabilities float32 [H,W,C] -> the same, corrected
Correct = Callable[[np.ndarray, np.ndarray], np.ndarray]
# Methods whose maps can be made of single windows, to train on.
STARTS = ('downsample', 'patch')


@dataclasses.dataclass(frozen=True)
class Corrector:
  """A corrector with its settings, but without variables.

  Attributes:
    module: the network.
    inputs: keyword arguments to initialise it with, of any size.
    start: the method whose maps it is trained on, one of STARTS.
    refiner: the trained network -> a refiner that needs nothing but `images`
      and has a halo; a finished map is corrected by it in windows.
    correct: or the trained network -> what it does to a whole map, for one
      that is not run like this.
    rounds: network in training, what it sees -> all logits [B,h,w,C] that have
      a loss; None: those of the refiner alone.
    any_classes: whether it corrects maps of any classes.
  """

  module: nn.Module
  inputs: Mapping[str, Any]
  start: str
  refiner: Callable[[Trained], Refiner] | None = None
  correct: Callable[[Trained], Correct] | None = None
  rounds: Callable[[Trained, Seen], Iterable[jax.Array]] | None = None
  any_classes: bool = False

  def outputs(self, network: Trained, seen: Seen) -> Iterable[jax.Array]:
    """Returns all logits [B,h,w,C] that have a loss."""
    if self.rounds:
      return self.rounds(network, seen)
    assert self.refiner is not None
    refiner = self.refiner(network)
    return [refiner.apply(refiner.variables, seen)]
