"""The ways of running a model among which tuning chooses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import itertools

from magnet_jax.predict.model import Model
from magnet_jax.predict.way import Way
from magnet_jax.types import InputError

# Half octaves: the best single scale of a set is seldom more than a quarter of
# an octave from one of these.
SCALES = tuple(2 ** (-step / 2) for step in range(4, -1, -1))
FACTORS = {'half-octave': 1, 'octave': 2}  # in steps of SCALES
SHARES = (0.3, 0.1)
PATCH = 'patch 1'
_MOST_STAGES = 4
_OVERLAP = 0.25


@dataclasses.dataclass(frozen=True)
class Candidates:
  """What is tried.

  Attributes:
    singles: one scale each, among them PATCH.
    means: running means of several scales.
    refined: with the model's trained refiner; empty if it has none.
  """

  singles: Mapping[str, Way]
  means: Mapping[str, Way]
  refined: Mapping[str, Way]

  @property
  def by_name(self) -> dict[str, Way]:
    """All of them."""
    return {**self.singles, **self.means, **self.refined}


def of(model: Model, points: Sequence[float]) -> Candidates:
  """Returns the candidates for a model.

  Args:
    model: the networks.
    points: K that are tried with its refiner.

  Raises:
    InputError: a K out of range.
  """
  return Candidates(
    {_patch(s): _mean(s, s, 'octave') for s in reversed(SCALES)},
    dict(_means()),
    dict(_refined(points)) if model.refiners else {},
  )


def _patch(scale: float) -> str:
  return f'patch {scale:.2g}'


def _means() -> Iterator[tuple[str, Way]]:
  """Yields running means over adjacent scales, on all or some windows."""
  yield 'mean of all', _mean(0.0, 1.0, 'octave')
  for (factor, step), last, stages in itertools.product(
    FACTORS.items(), range(1, len(SCALES)), range(2, _MOST_STAGES + 1)
  ):
    first = last - step * (stages - 1)
    if first < 0:
      continue
    name = f'mean {SCALES[first]:.2g}-{SCALES[last]:.2g} {factor}'
    way = _mean(SCALES[first], SCALES[last], factor)
    yield name, way
    # Leaving out windows pays where the later stages are the finest ones.
    for share in SHARES if SCALES[last] == 1 else ():
      yield (
        f'{name}, {share:.0%} of the windows',
        dataclasses.replace(way, refine={**way.refine, 'windows': share}),
      )


def _mean(first: float, last: float, factor: str) -> Way:
  return Way(
    {
      'first': first,
      'last': last,
      'factor': factor,
      'scales': (),
      'stages': 0,
      'overlap': _OVERLAP,
    },
    {'fusion': 'mean', 'windows': 1.0, 'mix': 0.0},
  )


def _refined(points: Sequence[float]) -> Iterator[tuple[str, Way]]:
  """Yields the plan of the training with each K, alone and half mixed."""
  for k, mix in itertools.product(sorted(points), (0.0, 0.5)):
    if not 0 <= k <= 1:
      raise InputError(
        f'tune: points {k}: must be a fraction of the pixels in [0, 1], such '
        'as 0.25'
      )
    name = f'refiner, K {k:g}' + (f', mix {mix:g}' if mix else '')
    yield (
      name,
      Way(
        {},
        {'fusion': 'magnet', 'points': float(k), 'windows': 1.0, 'mix': mix},
      ),
    )
