"""Compares any two (run, method) sides of saved runs, image by image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
import dataclasses

from magnet_jax.evaluate import summary
from magnet_jax.evaluate.record import Record
from magnet_jax.evaluate.results import SCORES
from magnet_jax.evaluate.saved_runs import Run
from magnet_jax.evaluate.summary import Difference
from magnet_jax.types import InputError

Runs = Mapping[str, Run]
Side = tuple[str, str]  # names of a run and of a method
_NAMED = 5  # images named in a line; the others are counted


@dataclasses.dataclass(frozen=True)
class Paired:
  """What one side has more than the other, over the images that both have.

  Attributes:
    first: (run, method) that counts positive.
    second: (run, method) that is subtracted.
    by_score: the mean difference and its interval, by the record's key; None
      where no image has the score on both sides.
    only_first: images that the second side does not have.
    only_second: images that the first side does not have.
  """

  first: Side
  second: Side
  by_score: Mapping[str, Difference | None]
  only_first: tuple[str, ...]
  only_second: tuple[str, ...]

  @property
  def label(self) -> str:
    """What is compared; what both sides share is named once."""
    (run, method), (other_run, other_method) = self.first, self.second
    if run == other_run:
      return f'{run}: {method} - {other_method}'
    if method == other_method:
      return f'{method}: {run} - {other_run}'
    return f'{run} {method} - {other_run} {other_method}'


def across(runs: Runs) -> list[tuple[Side, Side]]:
  """Returns pairs of the same method in two runs: each minus the first run."""
  reference, *others = runs.values()
  return [
    ((run.name, method), (reference.name, method))
    for method in reference.methods
    for run in others
    if method in run.methods
  ]


def within(runs: Runs) -> list[tuple[Side, Side]]:
  """Returns pairs of two methods in a run: its reference minus each other."""
  return [
    ((run.name, run.reference), (run.name, other))
    for run in runs.values()
    for other in run.methods
    if other != run.reference
  ]


def compare(runs: Runs, pairs: Sequence[tuple[Side, Side]]) -> list[Paired]:
  """Compares sides image by image, by all of SCORES.

  The intervals are 95 % each, by bootstrap over the images
  (`summary.paired_difference`): among twenty, one excludes 0 by chance.

  Args:
    runs: from `read_runs`.
    pairs: (run, method) and (run, method), such as `across` and `within` give.

  Raises:
    InputError: if there is no pair, a run or method that is not there, or two
      sides without a common image.
  """
  if not pairs:
    raise InputError(
      f'0 pairs of the runs {", ".join(runs)}: they have no method in common, '
      'or only one; name two sides, each a run and a method'
    )
  return [_pair(runs, first, second) for first, second in pairs]


def _pair(runs: Runs, first: Side, second: Side) -> Paired:
  sides = [records_of(runs, side) for side in (first, second)]
  common = sides[0].keys() & sides[1].keys()
  if not common:
    raise InputError(
      f'{name(first)} and {name(second)}: have no image in common, one '
      f'{listed(sides[0])}, the other {listed(sides[1])}; evaluate both on '
      'the same images'
    )
  both: list[Record] = [
    {**record, 'method': place}
    for place, found in zip(('first', 'second'), sides, strict=True)
    for record in found.values()
  ]
  by_score: dict[str, Difference | None] = {}
  for key in SCORES:
    try:
      by_score[key] = summary.paired_difference(both, 'first', 'second', key)
    except InputError:  # no label of these images has a class that is scored
      by_score[key] = None
  return Paired(
    first,
    second,
    by_score,
    tuple(image for image in sides[0] if image not in common),
    tuple(image for image in sides[1] if image not in common),
  )


def records_of(runs: Runs, side: Side) -> dict[str, Record]:
  """Returns the records of a side by the names of their images.

  Raises:
    InputError: if there is no such run, or the run has no such method.
  """
  run, method = side
  if run not in runs:
    raise InputError(
      f'run {run!r}: is not among the runs; choose one of {", ".join(runs)}'
    )
  return runs[run].of(method)


def name(side: Side) -> str:
  """Returns 'run method'."""
  return ' '.join(side)


def listed(images: Iterable[str]) -> str:
  """Returns 'a, b, c and 4 more'."""
  names = list(images)
  shown = ', '.join(names[:_NAMED])
  more = len(names) - _NAMED
  return f'{shown} and {more} more' if more > 0 else shown
