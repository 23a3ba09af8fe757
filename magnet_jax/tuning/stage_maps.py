"""What the segmenter finds at each scale of an image, computed once.

Ways that share a scale share its map: dozens of them cost what the slowest few
would cost on their own.
"""

from collections.abc import Iterator, Sequence
import dataclasses
import time

import numpy as np

from magnet_jax.cascade import last_filter, window_choice
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.ops import area, merge, resize
from magnet_jax.types import Stage, WindowGrid

# A window of a later stage is also fused, at its full size. A rough factor: a
# mean of .5 and 1 took 1.0 times as long a later window as patch did a window
# on scenes, and 1.1 times on photographs of 8 megapixels.
_LATER = 1.1
_CACHED = 2**16  # numbers, 256 KB


@dataclasses.dataclass(frozen=True)
class StageMap:
  """The blended windows of a stage.

  Attributes:
    probabilities: float32 [H_s,W_s,C].
    seconds: it took to compute.
  """

  probabilities: np.ndarray
  seconds: float


@dataclasses.dataclass(frozen=True)
class Outcome:
  """What a way makes of an image.

  Attributes:
    probabilities: float32 [H,W,C].
    seconds: estimated from those of the stages.
    windows: that the segmenter would process.
  """

  probabilities: np.ndarray
  seconds: float
  windows: int


class StageMaps:
  """The maps of one image, computed when they are first asked for.

  Args:
    cascade: segments the windows.
    image: uint8 [H,W,3].
  """

  def __init__(self, cascade: Cascade, image: np.ndarray):
    self._cascade = cascade
    self._image = image
    self._maps: dict[WindowGrid, StageMap] = {}
    self._filter_seconds: dict[int, float] = {}

  def of(self, grid: WindowGrid) -> StageMap:
    """Returns the map of a grid of windows."""
    if grid not in self._maps:
      start = time.perf_counter()
      shrunk = area.shrink(self._image, grid.size)
      found = self._cascade.patches(shrunk, grid)
      self._maps[grid] = StageMap(found, time.perf_counter() - start)
    return self._maps[grid]

  def filter_seconds(self, radius: int) -> float:
    """Returns what the last filter takes, measured once."""
    if radius not in self._filter_seconds:
      height, width = self._image.shape[:2]
      some = next(iter(self._maps.values())).probabilities
      whole = resize.probabilities(some, (height, width))
      for _ in range(2):  # memory that is touched first takes longer
        start = time.perf_counter()
        last_filter.in_memory(self._image, whole, radius)
        self._filter_seconds[radius] = time.perf_counter() - start
    return self._filter_seconds[radius]

  def filtered(self, outcome: Outcome, radius: int) -> Outcome:
    """Returns what a way makes of the image with the filter after it."""
    return dataclasses.replace(
      outcome,
      probabilities=last_filter.in_memory(
        self._image, outcome.probabilities, radius
      ),
      seconds=outcome.seconds + self.filter_seconds(radius),
    )


@dataclasses.dataclass(frozen=True)
class Step:
  """A stage of a running mean.

  Attributes:
    stage: with windows.
    own: float32 [H_s,W_s,C], what the segmenter finds in all of its windows.
    covered: float32 [H_s,W_s] in [0, 1], the share of those that are computed.
    mean: float32 [H_s,W_s,C], the mean after the stage.
    seconds: estimated, of the windows that are computed.
    windows: how many these are.
  """

  stage: Stage
  own: np.ndarray
  covered: np.ndarray
  mean: np.ndarray
  seconds: float
  windows: int


def running_mean(
  maps: StageMaps, plan: Sequence[Stage], options: Options
) -> Outcome:
  """Computes the running mean over the stages that each pixel has seen.

  It differs from the cascade's in one respect: blended windows are taken from
  the map of all windows of their stage.

  Args:
    maps: of the image.
    plan: the stages; one without windows only changes the size.
    options: which windows of the later stages are computed, and the weights
      of the stages and classes.
  """
  steps = list(running(maps, plan, options))
  return Outcome(
    resize.probabilities(steps[-1].mean, plan[-1].size),
    sum(step.seconds for step in steps),
    sum(step.windows for step in steps),
  )


def running(
  maps: StageMaps, plan: Sequence[Stage], options: Options
) -> Iterator[Step]:
  """Yields the stages of a running mean that compute any windows.

  Args:
    maps: as for `running_mean`, with plan and options.
    plan: as maps.
    options: as maps.
  """
  counts = window_choice.allot(plan, options.windows)
  first = maps.of(plan[0].grid)
  mean = first.probabilities.copy()
  whole = np.ones(mean.shape[:2], np.float32)
  depth = whole[..., None] * np.asarray(options.stage_weight(0), np.float32)
  yield Step(
    plan[0], mean, whole, mean.copy(), first.seconds, len(plan[0].grid)
  )
  for stage, count in zip(plan[1:], counts[1:], strict=True):
    before, mean = mean, resize.probabilities(mean, stage.size)
    depth = resize.probabilities(depth, stage.size)
    if not count:
      continue
    found = maps.of(stage.grid)
    covered = coverage(stage.grid, before, count, options.window_score)
    weight = options.stage_weight(stage.index)
    add(mean, depth, found.probabilities, covered, weight)
    seconds = _LATER * found.seconds * count / len(stage.grid)
    yield Step(stage, found.probabilities, covered, mean.copy(), seconds, count)


def add(
  mean: np.ndarray,
  depth: np.ndarray,
  own: np.ndarray,
  covered: np.ndarray,
  weight: Sequence[float],
) -> None:
  """Adds a stage to a running mean, in place.

  Args:
    mean: float32 [n,...,C].
    depth: float32 [n,...,1] or [n,...,C], the sum of the weights that it holds.
    own: float32 [n,...,C], of the stage.
    covered: float32 [n,...] in [0, 1], the share of its windows.
    weight: of the stage, or one per class.
  """
  weights = np.asarray(weight, np.float32)
  # A few rows at a time, whose arrays stay in the cache.
  rows = max(1, _CACHED * len(mean) // max(1, mean.size))
  for first in range(0, len(mean), rows):
    here = slice(first, first + rows)
    added = covered[here, ..., None] * weights
    depth[here] += added
    mean[here] += added / depth[here] * (own[here] - mean[here])
    if depth.shape[-1] > 1:
      mean[here] /= mean[here].sum(-1, keepdims=True)


def coverage(
  grid: WindowGrid, before: np.ndarray, count: int, score: str
) -> np.ndarray:
  """Returns how much of each pixel the windows of highest score cover.

  Args:
    grid: the windows of a stage.
    before: float32 [H',W',C], the segmentation after the stage before.
    count: number of windows.
    score: a name of `window_scores.SCORES`.

  Returns:
    float32 [H_s,W_s] in [0, 1].
  """
  covered = np.zeros((*grid.size, 1), np.float32)
  if count == len(grid):
    return covered[..., 0] + 1
  chosen = window_choice.choose(
    Stage(1, grid), InMemory(before), count, score=score, least=0.0
  )
  ones = np.ones((*grid.window, 1), np.float32)
  pieces = ((number, ones) for number in chosen)
  return merge.add_windows(covered, grid, pieces)[..., 0]
