"""Refines K points per stage instead of K per window.

All scores of a stage are needed before any point is chosen, so the stage's
maps must fit in memory.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade import batches, refine_step, stage_windows
from magnet_jax.cascade.parts import Part, Tile, Work
from magnet_jax.ops import merge, resize, selection
from magnet_jax.refiners.refiner import Refiner
from magnet_jax.types import Network, Size


def refine(work: Work) -> Iterator[Part]:
  """Refines a stage; the last part contains all of it."""
  grid, classes = work.stage.grid, work.coarse.read(0, 0, 1, 1).shape[-1]
  step = work.step(
    _candidates,
    kernel=work.options.kernel,
    score=work.score,
    own=bool(work.mix),
  )
  # R, weight, Q and, to mix, O: blended in one array, by one pass.
  channels = classes + 2 + (classes if work.mix else 0)
  total = np.zeros((*grid.size, channels), np.float32)
  parts = [
    work.numbers[start : start + work.batch]
    for start in range(0, len(work.numbers), work.batch)
  ]
  results = batches.run_parts(
    step,
    parts,
    lambda n: stage_windows.arrays(
      work.image, work.coarse, grid, n, work.network
    ),
    work.batch,
  )
  for index, part in enumerate(results):
    pieces = [(number, _at(maps, grid.window)) for number, maps in part]
    merge.add_windows(total, grid, pieces, work.weights)
    yield Part(index, windows=len(part))
  weight = total[..., classes]
  covered = weight > 0
  # Below any Q, so that pixels without a refined window are chosen last.
  scores = np.where(covered, total[..., classes + 1], np.float32(-1))
  count = selection.count_points(work.options.points, int(covered.sum()))
  chosen = selection.choose_on_host(scores, count)
  # Arrays of the stage's size decide how much memory an image takes: none is
  # made while another is no longer needed.
  del covered, scores
  before = work.coarse.read(0, 0, *work.coarse.size)
  after = resize.probabilities(before, grid.size)
  # A point near windows that were left out keeps Y for their share.
  # In place: an index by a mask of this size takes five times as long.
  marks = chosen[..., None]
  np.multiply(after, 1 - weight[..., None], out=after, where=marks)
  np.add(after, total[..., :classes], out=after, where=marks)
  if work.mix:
    own = total[..., classes + 2 :] - weight[..., None] * after
    after += np.float32(work.mix) * own
    del own
  del total, weight
  yield Part(
    len(parts),
    windows=0,
    tiles=[Tile(0, 0, after)],
    marks=[Tile(0, 0, chosen)],
  )


def _candidates(
  segmenter: Network, refiner: Refiner, *, own: bool, **settings: Any
) -> jax.Array:
  """R, 1, Q and, if `own`, O: float32 [B,h,w,…]; the 1 sums to the weight."""
  found = refine_step.candidates(segmenter, refiner, **settings)
  scores = found.scores[..., None]
  piece = [found.refined, jnp.ones_like(scores), scores]
  if own:
    assert found.scale is not None
    piece.append(found.scale)
  return jnp.concatenate(piece, axis=-1)


def _at(maps: np.ndarray, size: Size) -> np.ndarray:
  return maps if maps.shape[:2] == size else resize.probabilities(maps, size)
