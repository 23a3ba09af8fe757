"""The variants that are compared: settings of the cascade, and refiners."""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import Any

from jax import Array
import jax.numpy as jnp
import numpy as np

from magnet_jax.ops import selection, windows
from magnet_jax.ops.uncertainty import uncertainty

# As train.sh calls them: the `long` ones took STAGES times the steps, so that
# each refiner of `stages-long` saw as many pairs as `base`.
REFINERS = ('base', 'coarsest', 'stages', 'base-long', 'stages-long')


@dataclasses.dataclass(frozen=True)
class Variant:
  """One line of a study.

  Attributes:
    study: its name.
    name: of the line.
    refine: settings of the section `refine` that differ from the model's own.
    plan: those of the section `plan`.
    refiner: which of `REFINERS`.
    score: a key of `SCORES`: of the product Y^u (1 - R^u), or of one factor.
    weights: a key of `WEIGHTS`, by which overlaps are blended.
  """

  study: str
  name: str
  refine: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  plan: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  refiner: str = 'base'
  score: str = 'both'
  weights: str = 'tent'


def all_of(points: float, stages: int) -> list[Variant]:
  """Returns the variants of all studies.

  Args:
    points: K in studies of something else: few enough that the choice counts.
    stages: number in the model's own plan.
  """
  few = {'points': points}
  shares = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
  found = [Variant('points', f'{k:g}', {'points': k}) for k in shares]
  for score in ('both', 'coarse', 'refined'):
    for kernel in (5, 1):
      name = f'{score}, {"with" if kernel > 1 else "without"} F'
      found.append(
        Variant('score', name, {**few, 'kernel': kernel}, score=score)
      )
  found += [
    Variant('stages', str(n), plan={'stages': n}) for n in range(2, stages + 3)
  ]
  found += [
    Variant('selection', f'{where}, K {k:g}', {'points': k, 'selection': where})
    for k in (points, 0.75)
    for where in ('window', 'image')
  ]
  for overlap in (0.0, 0.25, 0.5):
    for weights in ('tent', 'flat') if overlap else ('tent',):
      name = f'overlap {overlap:g}, {weights}'
      found.append(
        Variant('blend', name, plan={'overlap': overlap}, weights=weights)
      )
  found += [Variant('refiner', name, refiner=name) for name in REFINERS]
  shares = (0.1, 0.25, 0.5, 0.75, 1.0)
  found += [Variant('windows', f'{n:g}', {'windows': n}) for n in shares]
  found.append(Variant('windows', '4 a stage', {'windows': 4}))
  return found


def _coarse_alone(*, coarse: Array, refined: Array, **settings: Any) -> Array:
  """Y^u alone: R is replaced by one that is sure everywhere."""
  sure = jnp.zeros_like(refined).at[..., 0].set(1)
  return selection.score(coarse=coarse, refined=sure, **settings)


def _refined_alone(*, coarse: Array, refined: Array, **settings: Any) -> Array:
  """1 - R^u alone: Y is replaced by one that is unsure everywhere."""
  unsure = jnp.full_like(coarse, 1 / coarse.shape[-1])
  return selection.score(coarse=unsure, refined=refined, **settings)


def _flat(length: int, window: int, starts: Sequence[int]) -> np.ndarray:
  """As `windows.axis_weights`, with equal weights for all windows."""
  covered = np.zeros(max(length, window))
  for start in starts:
    covered[start : start + window] += 1
  weights = np.stack([1 / covered[s : s + window] for s in starts])
  inside = np.asarray(starts)[:, None] + np.arange(window) < length
  return (weights * inside).astype(np.float32)


SCORES: dict[str, selection.Score] = {
  'both': selection.score,
  'coarse': _coarse_alone,
  'refined': _refined_alone,
}
WEIGHTS: dict[str, windows.Weights] = {
  'tent': windows.axis_weights,
  'flat': _flat,
}


def check() -> None:
  """Raises AssertionError where a score is not what its name says."""
  rng = np.random.default_rng(0)
  y, r = rng.random((2, 6, 7, 4), np.float32)
  y, r = (jnp.asarray(m / m.sum(-1, keepdims=True)) for m in (y, r))
  for which, wanted in (
    ('coarse', uncertainty(y)),
    ('refined', 1 - uncertainty(r)),
  ):
    found = SCORES[which](coarse=y, refined=r, kernel=1)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
