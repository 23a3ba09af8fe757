"""The ways of running a model among which tuning chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import itertools

from magnet_jax.cascade.settings import window
from magnet_jax.predict.model import Model
from magnet_jax.predict.way import Way
from magnet_jax.refiners import scale_attention
from magnet_jax.types import InputError, Windows

# Half octaves: the best single scale of a set is seldom more than a quarter of
# an octave from one of these.
SCALES = tuple(2 ** (-step / 2) for step in range(4, -1, -1))
FACTORS = {'half-octave': 1, 'octave': 2}  # in steps of SCALES
# Of all windows after the first stage, coarse ones first, or of each stage.
SHARES: tuple[Windows, ...] = (0.3, (0.5,), (0.2,), (0.1,))
PATCH = 'patch 1'
WHOLE = 'mean of all'
# Of the filter that may be the last stage, in pixels of the networks' input at
# the last scale, whose grid it evens out: its best on val of three sets.
_RADIUS = 8
_FILTERED = ', filtered'
# What is best on most sets: with a gate, if there is one; dear to cheap.
_BEST = (
  'scale attention 0.5-1 half-octave, 50% of each stage',
  'scale attention 0.5-1 octave, 70% of the windows',
  'scale attention 0.5-1 octave, 60% of the windows',
  'scale attention 0.5-1 octave, 50% of each stage',
  'scale attention 0.5-1 octave, 20% of each stage',
  'scale attention 0.5-1 octave, 10% of each stage',
  'mean 0.5-1 half-octave, 50% of each stage',
  'mean 0.5-1 octave, 50% of each stage',
  'mean 0.5-1 octave, 20% of each stage',
  'mean 0.5-1 octave, 10% of each stage',
)
USUAL = (*(name + _FILTERED for name in _BEST), *_BEST)
_MOST_STAGES = 4
_OVERLAP = 0.25
# Later stages of a mean need none, see survey/proposal.py.
_OVERLAPS = (_OVERLAP, 0.0)
# Equal, and twice for the first stage, which sees most around a pixel.
_WEIGHTS = ((), (2.0, 1.0))
# First and last of SCALES, the factor, and shares of the windows, for a gate.
_ATTENDED: tuple[tuple[int, int, str, tuple[Windows, ...]], ...] = (
  (2, 4, 'half-octave', (1.0, (0.5,), (0.2,))),
  (2, 4, 'octave', (1.0, 0.7, 0.6, (0.5,), (0.2,), (0.1,))),
  (3, 4, 'half-octave', (1.0, 0.3)),
  (2, 3, 'half-octave', (1.0,)),
  (1, 3, 'octave', (1.0,)),
)


@dataclasses.dataclass(frozen=True)
class Candidates:
  """What is tried: each way as it is, and with the filter as its last stage.

  Attributes:
    singles: one scale each, among them PATCH.
    means: running means of several scales, and one without overlap.
    refined: with the model's trained refiner; empty if it has none.
    shrink: side of a window to that of the networks' input.
  """

  singles: Mapping[str, Way]
  means: Mapping[str, Way]
  refined: Mapping[str, Way]
  shrink: float = 1.0

  @property
  def pairs(self) -> dict[str, str]:
    """Names of the ways with the filter by those without."""
    plain = (*self.singles, *self.means, *self.refined)
    return {name: name + _FILTERED for name in plain}

  @property
  def by_name(self) -> dict[str, Way]:
    """All of them."""
    plain = {**self.singles, **self.means, **self.refined}
    return {
      **plain,
      **{self.pairs[n]: self._filtered(way) for n, way in plain.items()},
    }

  def _filtered(self, way: Way) -> Way:
    radius = _RADIUS * self.shrink / way.plan.get('last', 1.0)
    return _refined_as(way, filter_radius=max(1, round(radius)))


def of(model: Model, points: Sequence[float]) -> Candidates:
  """Returns the candidates for a model.

  Args:
    model: the networks.
    points: K that are tried with its refiner.

  Raises:
    InputError: a K out of range.
  """
  return Candidates(
    {_patch(s): _way(s, s, 'octave') for s in reversed(SCALES)},
    dict(_means()),
    {
      name: way
      for fusion in {refiner.fusion for refiner in model.refiners}
      for name, way in _REFINED[fusion](points)
    },
    window(model.settings['plan'])[0] / model.network[0],
  )


def _patch(scale: float) -> str:
  return f'patch {scale:.2g}'


def _means() -> Iterator[tuple[str, Way]]:
  """Yields running means over adjacent scales, on all or some windows.

  One scale without overlap is a baseline for nothing, but cheap with a filter.
  """
  yield WHOLE, _way(0.0, 1.0, 'octave')
  for scale in SCALES:
    name = f'{_patch(scale)} side by side'
    yield name, _way(scale, scale, 'octave', overlap=0.0)
  for (factor, step), last, stages, weights in itertools.product(
    FACTORS.items(),
    range(1, len(SCALES)),
    range(2, _MOST_STAGES + 1),
    _WEIGHTS,
  ):
    first = last - step * (stages - 1)
    if first < 0:
      continue
    name = f'mean {SCALES[first]:.2g}-{SCALES[last]:.2g} {factor}'
    way = _way(SCALES[first], SCALES[last], factor, overlap=_OVERLAPS)
    if weights:
      yield f'{name}, first twice', _refined_as(way, stage_weights=weights)
      continue
    yield name, way
    # Leaving out windows pays where the later stages are the finest ones.
    for share in SHARES if SCALES[last] == 1 else ():
      yield _on_some(name, way, share)


def _on_some(name: str, way: Way, windows: Windows) -> tuple[str, Way]:
  """A way on some of the windows, with its name."""
  if isinstance(windows, tuple):
    of = ', '.join(f'{share:.0%}' for share in windows) + ' of each stage'
  else:
    of = f'{windows:.0%} of the windows'
  return (
    f'{name}, {of}',
    _refined_as(way, windows=windows),
  )


def _refined_as(way: Way, **changes: object) -> Way:
  return dataclasses.replace(way, refine={**way.refine, **changes})


def _way(
  first: float,
  last: float,
  factor: str,
  fusion: str = 'mean',
  overlap: float | tuple[float, ...] = _OVERLAP,
) -> Way:
  return Way(
    {
      'first': first,
      'last': last,
      'factor': factor,
      'scales': (),
      'stages': 0,
      'overlap': overlap,
    },
    {
      'fusion': fusion,
      'windows': 1.0,
      'min_uncertainty': 0.0,
      'stage_weights': (),
      'mix': 0.0,
      'filter_radius': 0,
    },
  )


def _refined(points: Sequence[float]) -> Iterator[tuple[str, Way]]:
  """Yields the plan of the training with each K, alone and half mixed."""
  for k, mix in itertools.product(sorted(points), (0.0, 0.5)):
    if not 0 <= k <= 1:
      raise InputError(
        f'tune: points {k}: must be a fraction of the pixels in [0, 1], such '
        'as 0.25'
        '; correct it'
      )
    name = f'refiner, K {k:g}' + (f', mix {mix:g}' if mix else '')
    yield (
      name,
      Way(
        {},
        {
          'fusion': 'magnet',
          'points': float(k),
          'windows': 1.0,
          'mix': mix,
          'filter_radius': 0,
        },
      ),
    )


def _attended(points: Sequence[float]) -> Iterator[tuple[str, Way]]:
  """Yields plans for a gate, which needs no K.

  Few of them, as each is run on its own: its features are not kept.
  """
  del points
  name = 'scale attention'
  yield (
    name,
    Way(
      {},
      {
        'fusion': scale_attention.NAME,
        'windows': 1.0,
        'mix': 0.0,
        'filter_radius': 0,
      },
    ),
  )
  for first, last, factor, shares in _ATTENDED:
    low, high = SCALES[first], SCALES[last]
    plan = f'{name} {low:.2g}-{high:.2g} {factor}'
    way = _way(low, high, factor, scale_attention.NAME, _OVERLAPS)
    for share in shares:
      yield (plan, way) if share == 1 else _on_some(plan, way, share)


# The ways of a model's refiners, by the fusion that asks for them.
_REFINED: Mapping[
  str, Callable[[Sequence[float]], Iterator[tuple[str, Way]]]
] = {'magnet': _refined, scale_attention.NAME: _attended}
