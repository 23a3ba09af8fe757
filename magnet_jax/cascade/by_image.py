"""K points of a whole stage instead of K of each window.

It needs the scores of all of a stage before any point is chosen, so the
stage's maps are in memory.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import batches, stage_windows
from magnet_jax.cascade.stage_windows import Plane
from magnet_jax.ops import merge, resize, selection
from magnet_jax.types import Size, Stage


def refine(
  step: parallel.Step,
  source: Plane,
  coarse: Plane,
  stage: Stage,
  numbers: Sequence[int],
  *,
  network: Size,
  points: float | int,
  batch: int,
  done: Callable[[int], None],
) -> tuple[np.ndarray, np.ndarray]:
  """Refines K points of a stage.

  Args:
    step: `refine_step.candidates` over devices.
    source: uint8 [H_s,W_s,3], the stage's image.
    coarse: float32 [H',W',C], the segmentation after the stage before.
    stage: the stage.
    numbers: the windows to look at, ascending.
    network: (h, w), the networks' input size.
    points: K, as a count or a fraction of the pixels of these windows.
    batch: B, a multiple of the devices.
    done: told of each window.

  Returns:
    float32 [H_s,W_s,C], the map; bool [H_s,W_s], the points replaced.
  """
  before = coarse.read(0, 0, *coarse.size)
  after = resize.probabilities(before, stage.size)
  classes = after.shape[-1]

  def pieces() -> Iterator[tuple[int, np.ndarray]]:
    """R, 1 and Q of each window: with the 1 the others' weight is known."""
    for number, found in batches.run(
      step,
      numbers,
      lambda n: stage_windows.arrays(source, coarse, stage.grid, n, network),
      batch,
    ):
      scores = found.scores[..., None]
      piece = [found.refined, np.ones_like(scores), scores]
      yield number, _at(np.concatenate(piece, axis=-1), stage.grid.window)
      done(1)

  total = np.zeros((*stage.size, classes + 2), np.float32)
  merge.add_windows(total, stage.grid, pieces())
  weight = total[..., classes]
  covered = weight > 0
  scores = np.where(covered, total[..., -1], np.float32(-1))
  count = selection.count_points(points, int(covered.sum()))
  chosen = selection.choose_on_host(scores, count)
  after[chosen] *= 1 - weight[chosen][:, None]
  after[chosen] += total[chosen, :classes]
  return after, chosen


def _at(maps: np.ndarray, size: Size) -> np.ndarray:
  return maps if maps.shape[:2] == size else resize.probabilities(maps, size)
