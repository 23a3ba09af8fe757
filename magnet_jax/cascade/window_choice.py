"""Which windows of a stage are refined: MagNet-Fast."""

from collections.abc import Sequence

import numpy as np

from magnet_jax.cascade import stage_windows, window_scores
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.workspace import Progress, Workspace
from magnet_jax.ops import selection
from magnet_jax.types import Plane, Stage, Windows


def allot(plan: Sequence[Stage], windows: Windows) -> tuple[int, ...]:
  """Computes how many windows each stage may compute, for MagNet-Fast.

  A share of all windows is spent on the coarse stages first: a window there
  costs as much as one at full size and corrects many times the area. Measured
  on two generated scenes with a quarter of 84 windows and a trained refiner,
  this kept 75 to 90 % of the gain over stage 0; a quarter of each stage kept 15
  to 45 %. Where stage 0 is good already, as on photographs that a plan does not
  see as a whole first, a share of each stage keeps outlines sharper.

  Args:
    plan: the stages; stage 0 computes all of its windows.
    windows: a float is a share of the windows of all later stages, an int a
      count in each of them, as in the paper; several are a share or count for
      each later stage, the last for all further ones.

  Returns:
    One number per stage, at most its number of windows.
  """
  first, *sizes = [len(stage.grid) for stage in plan]
  if isinstance(windows, tuple):
    each = [*windows, *(len(sizes) - len(windows)) * windows[-1:]]
    return (first, *map(_count, each, sizes))
  if isinstance(windows, int):
    return (first, *(min(windows, size) for size in sizes))
  left = selection.count_points(windows, sum(sizes))
  counts = []
  for size in sizes:
    counts.append(min(size, left))
    left -= counts[-1]
  return (first, *counts)


def _count(windows: float | int, size: int) -> int:
  """Returns a share or count of the windows of one stage."""
  return min(selection.count_points(windows, size), size) if size else 0


def highest(
  scores: Sequence[float],
  count: int,
  *,
  doubts: Sequence[float] = (),
  least: float = 0.0,
) -> tuple[int, ...]:
  """Returns the windows with the highest scores, ascending.

  Args:
    scores: of the windows of a stage, in order.
    count: largest number of windows to return.
    doubts: mean uncertainty of each window; () only if `least` is 0.
    least: lowest mean uncertainty of a window that is returned.
  """
  # Stable, so that ties are broken alike in every process and every run.
  order = np.argsort(np.asarray(scores), kind='stable').tolist()
  if least:
    order = [n for n in order if doubts[n] >= least]
  return tuple(sorted(order[max(0, len(order) - count) :]))


def chosen(
  stage: Stage,
  coarse: Plane,
  count: int,
  workspace: Workspace,
  progress: Progress,
  *,
  options: Options,
) -> Sequence[int]:
  """Returns the windows of a stage to refine, ascending; chosen once per run.

  Args:
    stage: the stage.
    coarse: float32 [H',W',C], the segmentation after the stage before.
    count: largest number of windows, from `allot`.
    workspace: keeps the choice.
    progress: is told of it.
    options: how windows are chosen.
  """
  if count == 0 or (count == len(stage.grid) and not options.min_uncertainty):
    return range(count)
  name = f'stage {stage.index}'

  # By `once`: a resumed run and all processes of a divided one must refine
  # the same windows, even if their devices round differently.
  def make() -> Sequence[int]:
    progress.says(f'{name}, choosing windows')
    score, least = options.window_score, options.min_uncertainty
    return [*choose(stage, coarse, count, score=score, least=least)]

  numbers: Sequence[int] = workspace.once(f'{name} windows', make)
  return numbers


def choose(
  stage: Stage, coarse: Plane, count: int, *, score: str, least: float
) -> tuple[int, ...]:
  """Returns the windows of a stage with the highest scores, ascending.

  Args:
    stage: the stage.
    coarse: float32 [H',W',C], the segmentation after the stage before.
    count: largest number of windows to return.
    score: a name of `window_scores.SCORES`.
    least: lowest mean uncertainty of a window that is returned.
  """
  scores, doubts = [], []
  for number in range(len(stage.grid)):
    # On the host and not enlarged, which saves a call of the device for each
    # window; without padding, which would dilute the mean.
    piece = coarse.read(*stage_windows.seen(coarse.size, stage.grid, number))
    scores.append(window_scores.of_window(score, piece))
    if least:
      doubts.append(window_scores.of_window('mean', piece))
  return highest(scores, count, doubts=doubts, least=least)
