"""Correctors: trained networks that correct a finished map by its image."""

from collections.abc import Callable, Iterable, Mapping
import dataclasses
from typing import Any, NamedTuple

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


class Map(NamedTuple):
  """What a network sees, float32 [B,h,w,n].

  Attributes:
    channels: n.
    about: what they are.
  """

  channels: int
  about: str


@dataclasses.dataclass(frozen=True)
class Call:
  """A network as a function of maps, for programs other than this one.

  Attributes:
    run: (variables, maps as in `inputs`) -> as in `outputs`, or one,
      float32 [B,h,w,…].
    inputs: by name; 'images' are normalised.
    outputs: what they are, by name.
    facts: what else a reader must know, as JSON writes it.
  """

  run: Callable[..., Any]
  inputs: Mapping[str, Map]
  outputs: Mapping[str, str]
  facts: Mapping[str, object] = dataclasses.field(default_factory=dict)


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
    calls: what `correct` calls, by ends of names; with a `refiner`, it is that.
  """

  module: nn.Module
  inputs: Mapping[str, Any]
  start: str
  refiner: Callable[[Trained], Refiner] | None = None
  correct: Callable[[Trained], Correct] | None = None
  rounds: Callable[[Trained, Seen], Iterable[jax.Array]] | None = None
  any_classes: bool = False
  calls: Mapping[str, Call] = dataclasses.field(default_factory=dict)

  def outputs(self, network: Trained, seen: Seen) -> Iterable[jax.Array]:
    """Returns all logits [B,h,w,C] that have a loss."""
    if self.rounds:
      return self.rounds(network, seen)
    assert self.refiner is not None
    refiner = self.refiner(network)
    return [refiner.apply(refiner.variables, seen)]
