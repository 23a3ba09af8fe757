"""The table of filters: a new one is a file in this folder and a row here."""

from __future__ import annotations

from collections.abc import Callable
import dataclasses

import numpy as np

from magnet_jax.filters import guided
from magnet_jax.types import InputError


@dataclasses.dataclass(frozen=True)
class Filter:
  """A way to correct a finished map by its image: a row of the table.

  Attributes:
    apply: (image uint8 [H,W,3], probabilities float32 [H,W,C], **settings) ->
      probabilities float32 [H,W,C], which sum to 1.
    about: what it does, as a line of the help.
    settings: the keyword arguments of `apply` that a user may choose.
  """

  apply: Callable[..., np.ndarray]
  about: str
  settings: tuple[str, ...] = ()


FILTERS: dict[str, Filter] = {
  'guided': Filter(
    guided.guided,
    'a local linear model of each class in the colours of the image',
    ('radius', 'eps'),
  ),
  'fast-guided': Filter(
    guided.fast_guided,
    'the same, with models that are found on a reduced image',
    ('radius', 'eps'),
  ),
}


def get(name: str) -> Filter:
  """Returns a filter.

  Raises:
    InputError: an unknown name; lists the known ones.
  """
  if name not in FILTERS:
    raise InputError(
      f'--method={name}: unknown; choose one of {", ".join(FILTERS)}'
    )
  return FILTERS[name]
