"""A way of running a model: changes to the settings of its training."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses

from magnet_jax.types import InputError, Section


@dataclasses.dataclass(frozen=True)
class Way:
  """Changes to the settings that a model was trained with.

  Attributes:
    plan: of the section `plan`.
    refine: of the section `refine`.
  """

  plan: Section
  refine: Section

  def changed_by(self, other: Way) -> Way:
    """Returns these settings with those of another way laid over them."""
    return Way({**self.plan, **other.plan}, {**self.refine, **other.refine})

  def with_numbers(
    self, trends: Sequence[float] = (), bias: Sequence[float] = ()
  ) -> Way:
    """Returns the way with trends and a bias of the classes.

    Args:
      trends: one number per class; none if all are 0.
      bias: the same.
    """
    given = {'trends': trends, 'bias': bias}
    kept = {k: tuple(v) if any(v) else () for k, v in given.items()}
    return dataclasses.replace(self, refine={**self.refine, **kept})

  def to_json(self) -> dict[str, Section]:
    """Returns its sections."""
    return {'plan': self.plan, 'refine': self.refine}


def from_json(found: object) -> dict[str, Way]:
  """Reads ways by name, as `Way.to_json` gives them.

  Raises:
    InputError: they are not sections by name.
  """
  ways = {}
  try:
    for name, sections in dict(found).items():  # type: ignore[call-overload]
      ways[name] = Way({**sections['plan']}, {**sections['refine']})
  except (KeyError, TypeError, ValueError) as error:
    raise InputError(
      f'config.ways is {found!r:.60}: must be the sections plan and refine of '
      'each way, by name; choose them again with magnet-jax tune'
    ) from error
  return ways
