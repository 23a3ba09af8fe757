"""The loop over the stages: coarse to fine, each corrects the one before."""

from collections.abc import Callable, Iterator, Sequence
import copy
import dataclasses
import functools
from typing import Any, Self

import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import (
  batches,
  device_memory,
  host_step,
  refine_step,
  stage_windows,
)
from magnet_jax.cascade import (
  by_image as image_selection,
)
from magnet_jax.cascade import (
  by_window as stage_loop,
)
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.stage_windows import Plane
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.ops import area, merge, resize, selection
from magnet_jax.types import InputError, Network, Size, Stage, WindowGrid


@dataclasses.dataclass(frozen=True)
class StageResult:
  """The segmentation after one stage.

  Attributes:
    stage: where it stands.
    probabilities: float32 [H_s,W_s,C].
    chosen: bool [H_s,W_s], the points replaced; None for stage 0.
    windows: numbers of the windows that the networks saw.
  """

  stage: Stage
  probabilities: np.ndarray
  chosen: np.ndarray | None
  windows: tuple[int, ...]


class Cascade:
  """A segmenter and a refiner on the devices, ready for any image.

  Args:
    segmenter: normalised images [B,h,w,3] -> logits [B,h,w,C]; give
      `jax.tree_util.Partial(module.apply, variables)` rather than a closure,
      so that the variables are arguments and not constants of the program.
      A `HostSegmenter` makes one of any function of NumPy arrays.
    refiners: (scale=, coarse=) [B,h,w,C] -> logits [B,h,w,C]; one for all
      stages or one for each after stage 0, the last of which serves all
      further stages. Without any there is stage 0 alone, and `patches`.
    network: (h, w), the networks' input size.
    options: how a stage is refined.
  """

  def __init__(
    self,
    segmenter: Network | HostSegmenter,
    refiners: Sequence[Network],
    *,
    network: Size,
    options: Options,
  ):
    if isinstance(segmenter, HostSegmenter):
      segmenter.check_size(network)
    self.network = network
    self.options = options
    self._whole = host_step.over_devices(
      refine_step.segment_windows, segmenter, devices=1
    )
    self._segment = host_step.over_devices(
      refine_step.segment_windows, segmenter
    )
    self._segmenter = segmenter
    self._refiners = tuple(refiners)
    self.batch = parallel.device_count() * (
      options.batch
      or device_memory.batch(segmenter, refiners, network, options)
    )
    # Called once for each refiner and size of windows: mostly there is one.
    self._refine = functools.cache(self._refine_step)
    self._candidates = functools.cache(self._candidates_step)

  def _refiner(self, stage: Stage) -> int:
    """Which refiner serves a stage."""
    if not self._refiners:
      raise InputError(
        'cascade without a refiner: stages after the first need one; pass a '
        'refiner, or segment by the methods downsample and patch'
      )
    return min(stage.index, len(self._refiners)) - 1

  def _refine_step(self, refiner: int, window: Size) -> parallel.Step:
    options, pixels = self.options, self.network[0] * self.network[1]
    return host_step.over_devices(
      refine_step.refine_windows,
      self._segmenter,
      self._refiners[refiner],
      window=window,
      kernel=options.kernel,
      most=selection.count_points(options.points, pixels),
    )

  def with_points(self, points: float | int) -> Self:
    """Takes fewer points, K, by the steps that are compiled already."""
    pixels = self.network[0] * self.network[1]
    most = selection.count_points(self.options.points, pixels)
    if selection.count_points(points, pixels) > most:
      raise InputError(
        f'points {points}: must be at most the {self.options.points} that the '
        'steps are compiled for; make a cascade for more'
      )
    other = copy.copy(self)
    other.options = dataclasses.replace(self.options, points=points)
    return other

  def _candidates_step(self, refiner: int) -> parallel.Step:
    return host_step.over_devices(
      refine_step.candidates,
      self._segmenter,
      self._refiners[refiner],
      kernel=self.options.kernel,
    )

  def stages(
    self,
    image: np.ndarray,
    plan: Sequence[Stage],
    *,
    done: Callable[[int], None] = lambda windows: None,
  ) -> Iterator[StageResult]:
    """Segments an image, yielding the result of every stage.

    Args:
      image: uint8 [H,W,3].
      plan: stages of the image's size, from `plan.make_plan`.
      done: told after each batch how many windows it had.
    """
    first = plan[0]
    before = self.coarsest(InMemory(area.shrink(image, first.size)), first)
    done(1)
    yield StageResult(first, before, None, (0,))
    counts = stage_windows.allot(plan, self.options.windows)
    refine = {'window': self._by_window, 'image': self._by_image}
    for stage in plan[1:]:
      source = InMemory(area.shrink(image, stage.size))
      coarse = InMemory(before)
      numbers = self.choose(stage, coarse, counts[stage.index])
      before, chosen = refine[self.options.selection](
        source, coarse, stage, numbers, done
      )
      yield StageResult(stage, before, chosen, numbers)

  def segment(self, image: np.ndarray, plan: Sequence[Stage]) -> np.ndarray:
    """The last stage's probabilities alone: float32 [H,W,C]."""
    for result in self.stages(image, plan):
      final = result.probabilities
    return final

  def patches(self, image: np.ndarray, grid: WindowGrid) -> np.ndarray:
    """The rival: full-size windows segmented alone and blended."""
    source = InMemory(image)
    pieces = (
      (number, resize.probabilities(piece, grid.window))
      for number, piece in batches.run(
        self._segment,
        range(len(grid)),
        lambda n: {
          'images': stage_windows.pixels(source, grid, n, self.network)
        },
        self.batch,
      )
    )
    number, piece = next(pieces)
    target = np.zeros((*grid.size, piece.shape[-1]), np.float32)
    merge.add_windows(target, grid, [(number, piece)])
    return merge.add_windows(target, grid, pieces)

  def coarsest(self, source: Plane, stage: Stage) -> np.ndarray:
    """Stage 0: the whole image in one window, float32 [H_0,W_0,C]."""
    pixels = stage_windows.pixels(source, stage.grid, 0, self.network)
    (piece,) = parallel.fetch(self._whole(images=pixels[None]))
    whole = resize.probabilities(piece, stage.grid.window)
    return whole[: stage.size[0], : stage.size[1]]

  def choose(self, stage: Stage, coarse: Plane, count: int) -> tuple[int, ...]:
    """Numbers of the windows to refine, ascending: the most uncertain."""
    total, least = len(stage.grid), self.options.min_uncertainty
    if count == 0 or (count == total and not least):
      return tuple(range(count))
    step = parallel.over_devices(refine_step.doubts, size=stage.grid.window)
    doubts = batches.run(
      step,
      range(total),
      lambda n: stage_windows.coarse_arrays(
        coarse, stage.grid, n, stage.grid.window
      ),
      self.batch,
    )
    return stage_windows.most_uncertain(
      [float(x) for _, x in doubts], count, least
    )

  def refine(
    self,
    source: Plane,
    coarse: Plane,
    stage: Stage,
    numbers: Sequence[int],
    **settings: Any,
  ) -> Iterator[stage_loop.Part]:
    """Refines K points of each window; see `stage_loop.refine`.

    Args:
      source: the stage's image.
      coarse: the segmentation after the stage before.
      stage: the stage.
      numbers: the windows to refine, ascending.
      **settings: `windows`, `waiting` and `first` of `stage_loop.refine`.
    """
    return stage_loop.refine(
      self._refine(self._refiner(stage), stage.grid.window),
      source,
      coarse,
      stage.grid,
      numbers,
      network=self.network,
      points=self.options.points,
      batch=self.batch,
      **settings,
    )

  def _by_window(
    self,
    source: Plane,
    coarse: Plane,
    stage: Stage,
    numbers: Sequence[int],
    done: Callable[[int], None],
  ) -> tuple[np.ndarray, np.ndarray]:
    """Refines K points of each window; returns the map and the points."""
    shape = coarse.read(0, 0, 1, 1).shape[-1:]
    after = InMemory(np.empty((*stage.size, *shape), np.float32))
    chosen = np.zeros(stage.size, bool)
    for part in self.refine(source, coarse, stage, numbers):
      for tile in part.tiles:
        after.write(tile.top, tile.left, tile.values)
      for number, points in part.chosen:
        seen = chosen[stage_windows.inside(stage.grid, number)]
        marks = resize.label(points.view(np.uint8), stage.grid.window)
        seen |= marks[: seen.shape[0], : seen.shape[1]].view(bool)
      done(len(part.chosen))
    return after.values, chosen

  def _by_image(
    self,
    source: Plane,
    coarse: Plane,
    stage: Stage,
    numbers: Sequence[int],
    done: Callable[[int], None],
  ) -> tuple[np.ndarray, np.ndarray]:
    """Refines K points of the whole stage; returns the map and the points."""
    return image_selection.refine(
      self._candidates(self._refiner(stage)),
      source,
      coarse,
      stage,
      numbers,
      network=self.network,
      points=self.options.points,
      batch=self.batch,
      done=done,
    )


def predict(probabilities: np.ndarray) -> np.ndarray:
  """The most probable class of each pixel: uint8 [H,W]."""
  return probabilities.argmax(-1).astype(np.uint8)
