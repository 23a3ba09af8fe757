"""Draws cases, all different and always the same for a seed."""

from fuzz_case import Case
import hypothesis
from hypothesis.strategies import SearchStrategy

__all__ = ['Case', 'draw']


def draw(strategy: SearchStrategy[Case], count: int, seed: int) -> list[Case]:
  """Returns up to so many cases."""
  found: dict[str, Case] = {}

  @hypothesis.seed(seed)
  @hypothesis.settings(
    max_examples=2 * count,  # some are equal
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
  )
  @hypothesis.given(strategy)
  def keep(case: Case) -> None:
    if len(found) < count:
      found[case.key()] = case

  keep()
  return list(found.values())
