"""The interface of refiners: from what they see of a window to logits."""

from collections.abc import Callable, Mapping
import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import numpy as np

from magnet_jax.ops import softmax

NEEDS = ('scale', 'images', 'depth', 'features')
CHOICES = ('points', 'everywhere')
OUTPUTS = ('logits', 'probabilities')


class Seen(NamedTuple):
  """What a refiner may look at; what it does not need is None.

  Attributes:
    coarse: Y, probabilities [B,h,w,C]: the segmentation so far.
    valid: int32 [B,2], rows and columns that are not padding; None: all.
    scale: O, probabilities [B,h,w,C]: the segmenter's output for the window.
    images: normalised float32 [B,h,w,3].
    depth: float32 [B,h,w,1], how many stages Y holds, by their weights in a
      mean, in units of the weight of this stage; [B,h,w,C] if classes differ.
    features: [B,h',w',F] each, of the segmenter for the window, by name; of
      their own size, whatever that of the maps.
  """

  coarse: jax.Array
  valid: jax.Array | None = None
  scale: jax.Array | None = None
  images: jax.Array | None = None
  depth: jax.Array | None = None
  features: Mapping[str, jax.Array] | None = None


@functools.partial(
  jax.tree_util.register_dataclass,
  data_fields=['variables'],
  meta_fields=[
    'apply',
    'needs',
    'choice',
    'any_size',
    'outputs',
    'fusion',
    'halo',
    'host',
  ],
)
@dataclasses.dataclass(frozen=True)
class Refiner:
  """A way to refine windows, with its variables; a pytree of these.

  Everything but the variables is static when a step is traced: a refiner that
  does not need `scale` never has the segmenter traced in later stages.

  Attributes:
    apply: (variables, Seen) -> R [B,h,w,C], as `outputs` says.
    variables: pytree of arrays; empty where nothing is trained.
    needs: what it sees besides `coarse` and `valid`, a subset of NEEDS.
    choice: one of CHOICES: R replaces Y at the K points where Y is unsure and
      R is sure, or everywhere.
    any_size: whether it is computed at the windows' size in their stage;
      otherwise at the network's, and R is resized.
    outputs: 'logits', or 'probabilities' that sum to 1.
    fusion: the name in `table.REFINERS` that asks for it.
    host: the same network as a function of NumPy arrays, used instead where
      the segmenter is one: (scale=O, coarse=Y), float32 [1,h,w,C] both, ->
      logits.
    halo: pixels on each side that an output pixel depends on, if that is
      known: then a finished map can be corrected in windows.
  """

  apply: Callable[[Any, Seen], jax.Array]
  variables: Any = dataclasses.field(default=(), repr=False)
  needs: frozenset[str] = frozenset({'scale'})
  choice: str = 'points'
  any_size: bool = False
  outputs: str = 'logits'
  fusion: str = 'magnet'
  halo: int | None = None
  host: Callable[..., np.ndarray] | None = None

  def probabilities(self, seen: Seen) -> jax.Array:
    """Computes R: float32 [B,h,w,C], probabilities."""
    found = self.apply(self.variables, seen)
    if self.outputs == 'probabilities':
      return found
    return softmax.probabilities(found)

  def check(self) -> None:
    """Raises ValueError for an unknown need, choice or kind of outputs."""
    if self.needs - {*NEEDS} or self.choice not in CHOICES:
      raise ValueError(
        f'refiner with needs {sorted(self.needs)} and choice {self.choice!r}: '
        f'needs must be among {", ".join(NEEDS)}, the choice one of '
        f'{", ".join(CHOICES)}'
      )
    if self.outputs not in OUTPUTS:
      raise ValueError(
        f'refiner of {self.outputs!r}: its outputs must be one of '
        f'{", ".join(OUTPUTS)}'
      )
