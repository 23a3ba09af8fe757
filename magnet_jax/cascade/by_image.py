"""Refines K points per stage instead of K per window.

All scores of a stage are needed before any point is chosen, so the stage's
maps must fit in memory.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade import batches, refine_step, stage_windows
from magnet_jax.cascade.parts import Part, Tile, Work
from magnet_jax.ops import resize, selection
from magnet_jax.ops.cells import Cells
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
  cells = Cells(grid, work.weights)
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
    for number, maps in part:
      cells.add(number, _at(maps, grid.window))
    yield Part(index, windows=len(part))
  chosen = _choose(
    [sums[..., classes + 1] for _, sums in cells], work.options.points
  )
  before = work.coarse.read(0, 0, *work.coarse.size)
  after = resize.probabilities(before, grid.size)
  for (place, sums), marks in zip(cells, chosen, strict=True):
    _replace(after[place], sums, marks, work.mix)
  yield Part(
    len(parts),
    windows=0,
    tiles=[Tile(0, 0, after)],
    marks=[
      Tile(rows.start, columns.start, marks)
      for ((rows, columns), _), marks in zip(cells, chosen, strict=True)
    ],
  )


def _choose(scores: Sequence[np.ndarray], points: float) -> list[np.ndarray]:
  """Marks the points of the highest scores of a stage.

  Args:
    scores: float32 [h,w] of each cell, Q.
    points: as in `selection.count_points`; a fraction is one of all cells.

  Returns:
    bool [h,w] of each cell.
  """
  flat = np.concatenate([each.ravel() for each in scores] or [np.zeros(0)])
  count = selection.count_points(points, flat.size)
  chosen = selection.choose_on_host(flat, count)
  ends = np.cumsum([each.size for each in scores])
  return [
    marks.reshape(each.shape)
    for each, marks in zip(scores, np.split(chosen, ends), strict=False)
  ]


def _replace(
  maps: np.ndarray, sums: np.ndarray, chosen: np.ndarray, mix: float
) -> None:
  """Replaces points of a cell by R and mixes it with O, in its place.

  Args:
    maps: float32 [h,w,C], Y, changed in place.
    sums: float32 [h,w,…] of the windows that reach it: R, weight, Q and, to
      mix, O.
    chosen: bool [h,w].
    mix: share of O.
  """
  classes = maps.shape[-1]
  weight, marks = sums[..., classes, None], chosen[..., None]
  # In place: an index by a mask of this size takes five times as long.
  if weight.min() < 1:
    # A point near windows that were left out keeps Y for their share.
    np.multiply(maps, 1 - weight, out=maps, where=marks)
    np.add(maps, sums[..., :classes], out=maps, where=marks)
  else:
    np.copyto(maps, sums[..., :classes], where=marks)
  if mix:
    maps += np.float32(mix) * (sums[..., classes + 2 :] - weight * maps)


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
