"""What is compared: settings of the refinement, and other refiners."""

from collections.abc import Callable, Iterator, Mapping
import contextlib
import dataclasses
import functools
from typing import Any

import jax.numpy as jnp
import numpy as np

from magnet_jax import parallel
from magnet_jax.ops import selection, windows
from magnet_jax.ops.uncertainty import uncertainty

Score = Callable[..., Any]

# As train.sh calls them: `long` ones took STAGES times the steps, so that each
# of the refiners of `stages-long` met as many pairs as `base`.
REFINERS = ('base', 'coarsest', 'stages', 'base-long', 'stages-long')


@dataclasses.dataclass(frozen=True)
class Variant:
  """One line of a study.

  Attributes:
    study: which.
    name: of the line.
    refine: settings of the section `refine` that differ from the model's own.
    plan: those of the section `plan`.
    refiner: which of `REFINERS`.
    score: what takes the place of Y^u (1 - R^u), before the median.
    flat: blend windows by equal weights instead of tents.
  """

  study: str
  name: str
  refine: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  plan: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  refiner: str = 'base'
  score: str = 'both'
  flat: bool = False


def all_of(points: float, stages: int) -> list[Variant]:
  """All studies.

  Args:
    points: K of those that are not about K: few enough that the choice counts.
    stages: of the model's own plan.
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
    for flat in (False, True) if overlap else (False,):
      name = f'overlap {overlap:g}, {"flat" if flat else "tent"}'
      found.append(Variant('blend', name, plan={'overlap': overlap}, flat=flat))
  found += [Variant('refiner', name, refiner=name) for name in REFINERS]
  shares = (0.1, 0.25, 0.5, 0.75, 1.0)
  found += [Variant('windows', f'{n:g}', {'windows': n}) for n in shares]
  found.append(Variant('windows', '4 a stage', {'windows': 4}))
  return found


@contextlib.contextmanager
def applied(variant: Variant) -> Iterator[None]:
  """Puts the score and the weights of a variant in place of the method's."""
  score, weights = selection.score, windows.axis_weights
  compiled = parallel._compiled
  if variant.score != 'both':
    selection.score = _score(score, variant.score)
  if variant.flat:
    windows.axis_weights = _flat
  # A compiled step holds the score that it was traced with.
  parallel._compiled = _steps_of(variant.score)
  try:
    yield
  finally:
    selection.score, windows.axis_weights = score, weights
    parallel._compiled = compiled


@functools.cache
def _steps_of(score: str) -> Any:
  """Compiled steps that are kept for one score alone."""
  return functools.cache(parallel._compiled.__wrapped__)


def _score(method: Score, which: str) -> Score:
  """Y^u or 1 - R^u alone: the other map as one that says nothing."""

  def certain(like: Any, sure: bool) -> Any:
    first = jnp.zeros_like(like).at[..., 0].set(1)
    return first if sure else jnp.full_like(like, 1 / like.shape[-1])

  def score(*, coarse: Any, refined: Any, **settings: Any) -> Any:
    if which == 'coarse':
      refined = certain(refined, True)
    else:
      coarse = certain(coarse, False)
    return method(coarse=coarse, refined=refined, **settings)

  return score


def _flat(length: int, window: int, starts: tuple[int, ...]) -> np.ndarray:
  """As `windows.axis_weights`, every window of equal weight."""
  covered = np.zeros(max(length, window))
  for start in starts:
    covered[start : start + window] += 1
  weights = np.stack([1 / covered[s : s + window] for s in starts])
  inside = np.asarray(starts)[:, None] + np.arange(window) < length
  return (weights * inside).astype(np.float32)


def check() -> None:
  """The scores that are put in are what they say."""
  rng = np.random.default_rng(0)
  y, r = rng.random((2, 6, 7, 4), np.float32)
  y, r = (jnp.asarray(m / m.sum(-1, keepdims=True)) for m in (y, r))
  for which, wanted in (
    ('coarse', uncertainty(y)),
    ('refined', 1 - uncertainty(r)),
  ):
    found = _score(selection.score, which)(coarse=y, refined=r, kernel=1)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
