"""The table of refiners: a new one is a file in this folder and a row here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import dataclasses

from magnet_jax.refiners import mean, scale_attention
from magnet_jax.refiners.refiner import NEEDS, Refiner
from magnet_jax.types import InputError

# What stands for the model's own refiners, or the mean if it has none.
AUTO = 'auto'


@dataclasses.dataclass(frozen=True)
class Row:
  """A way to fuse the maps of two stages.

  Attributes:
    about: what it does, as a line of the help.
    make: makes it; None for networks, which a model brings trained.
  """

  about: str
  make: Callable[[], Refiner] | None = None


REFINERS: dict[str, Row] = {
  'magnet': Row('the trained refiner replaces the K most doubtful points'),
  'mean': Row('running mean of the stages; nothing is trained', mean.refiner),
  scale_attention.NAME: Row(
    'mean weighed by a gate on features, trained together with the segmenter'
  ),
}


def check(name: str) -> None:
  """Raises InputError for an unknown name."""
  if name != AUTO and name not in REFINERS:
    raise InputError(
      f'fusion {name!r}: unknown; choose one of {AUTO}, {", ".join(REFINERS)}'
    )


def is_trained(name: str) -> bool:
  """Returns whether a fusion needs a trained refiner."""
  return name in REFINERS and REFINERS[name].make is None


def choose(
  name: str,
  trained: Sequence[Refiner],
  offered: frozenset[str] = frozenset(NEEDS),
) -> tuple[Refiner, ...]:
  """Returns the refiners of stages 1, 2, …

  Args:
    name: a key of REFINERS, or AUTO.
    trained: the refiners of a model; may be empty.
    offered: what refiners may need; with less than the mean needs, AUTO is
      no refiner where none is trained.

  Raises:
    InputError: an unknown name, or one of networks that the model lacks.
  """
  if name == AUTO:
    fallback = mean.refiner()
    untrained = (fallback,) if fallback.needs <= offered else ()
    return tuple(trained) or untrained
  check(name)
  make = REFINERS[name].make
  if make:
    return (make(),)
  found = tuple(each for each in trained if each.fusion == name)
  if not found:
    raise InputError(
      f'fusion {name}: the model has no refiner for it; train one with '
      f'refine.fusion={name}, give --refiner=RUN, or use --fusion=mean'
    )
  return found


def about() -> str:
  """Returns a line per refiner, for the help."""
  return '\n'.join(
    f'    {name:17}{row.about}' for name, row in REFINERS.items()
  )
