"""Refines K points per stage instead of K per window.

All scores of a stage are needed before any point is chosen, so the stage's
maps must fit in memory.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade import batches, refine_step, stage_windows
from magnet_jax.cascade.parts import Part, Tile, Work
from magnet_jax.ops import merge, resize, selection
from magnet_jax.ops.cells import cells
from magnet_jax.refiners.refiner import Refiner
from magnet_jax.types import Network, Size


class _Found(NamedTuple):
  """What a stage's windows sum up to, or a batch of them.

  Attributes:
    refined: float32 [...,C], R.
    others: float32 [...,2] or [...,2+C]: 1, which sums to the weight, Q and,
      to mix, O.
  """

  refined: Any
  others: Any


def refine(work: Work) -> Iterator[Part]:
  """Refines a stage; the last part contains all of it."""
  grid, classes = work.stage.grid, work.coarse.read(0, 0, 1, 1).shape[-1]
  step = work.step(
    _candidates,
    kernel=work.options.kernel,
    score=work.score,
    own=bool(work.mix),
  )
  # Arrays of a stage's size decide how much memory an image takes. R is blended
  # in what becomes the result; what no window reaches takes none for now.
  total = _Found(
    np.zeros((*grid.size, classes), np.float32),
    np.zeros((*grid.size, 2 + classes * bool(work.mix)), np.float32),
  )
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
    for number, found in part:
      for area, maps in zip(total, found, strict=True):
        piece = _at(maps, grid.window)
        merge.add_windows(area, grid, [(number, piece)], work.weights)
    yield Part(index, windows=len(part))
  marks = _choose(work, total.others[..., 1])
  _complete(work, total, marks)
  yield Part(
    len(parts), windows=0, tiles=[Tile(0, 0, total.refined)], marks=marks
  )


def _choose(work: Work, scores: np.ndarray) -> list[Tile]:
  """Marks the points of the highest scores of a stage.

  Args:
    work: the stage.
    scores: float32 [H,W], Q.

  Returns:
    bool [h,w] of each cell that windows reach, in row order. Of equal scores
    those of the first cells are taken.
  """
  places = [p for p, seen in cells(work.stage.grid, work.numbers) if seen]
  pieces = [scores[place] for place in places]
  flat = np.concatenate([each.ravel() for each in pieces] or [np.zeros(0)])
  count = selection.count_points(work.options.points, flat.size)
  chosen = selection.choose_on_host(flat, count)
  ends = np.cumsum([each.size for each in pieces])
  return [
    Tile(rows.start, columns.start, marks.reshape(each.shape))
    for (rows, columns), each, marks in zip(
      places, pieces, np.split(chosen, ends), strict=False
    )
  ]


def _complete(work: Work, total: _Found, marks: Sequence[Tile]) -> None:
  """Puts Y where R does not replace it, cell by cell, and mixes with O.

  Args:
    work: the stage.
    total: of [H,W,…]; R is changed in its place.
    marks: bool [h,w] of each cell that windows reach.
  """
  grid, left = work.stage.grid, iter(marks)
  for place, seen in cells(grid, work.numbers):
    (top, bottom), (start, stop) = ((s.start, s.stop) for s in place)
    area = (top, start, bottom - top, stop - start)
    before = stage_windows.upsampled(work.coarse, grid.size, area)
    maps, others = total.refined[place], total.others[place]
    if not seen:
      maps[:] = before
      continue
    kept, weight = ~next(left).values[..., None], others[..., :1]
    if weight.min() < 1:
      # A point near windows that were left out keeps Y for their share.
      maps += (1 - weight) * before
    # An index by a mask of this size takes five times as long.
    np.copyto(maps, before, where=kept)
    if work.mix:
      maps += np.float32(work.mix) * (others[..., 2:] - weight * maps)


def _candidates(
  segmenter: Network, refiner: Refiner, *, own: bool, **settings: Any
) -> _Found:
  """R, 1, Q and, if `own`, O of a batch of windows."""
  found = refine_step.candidates(segmenter, refiner, **settings)
  scores = found.scores[..., None]
  others = [jnp.ones_like(scores), scores]
  if own:
    assert found.scale is not None
    others.append(found.scale)
  return _Found(found.refined, jnp.concatenate(others, axis=-1))


def _at(maps: np.ndarray, size: Size) -> np.ndarray:
  return maps if maps.shape[:2] == size else resize.probabilities(maps, size)
