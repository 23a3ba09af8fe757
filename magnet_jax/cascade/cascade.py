"""The loop over the stages, coarse to fine: each corrects the one before."""

from collections.abc import Iterator, Sequence
import dataclasses
import functools

import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import (
  by_window,
  class_bias,
  depth,
  device_memory,
  features,
  flips,
  last_filter,
  policy,
  tiling,
  window_choice,
)
from magnet_jax.cascade.depth import ONE_STAGE, Layer, Past
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.parts import Part, Share, Start, Work
from magnet_jax.cascade.policy import Policy
from magnet_jax.cascade.steps import Steps
from magnet_jax.cascade.workspace import (
  SILENT,
  MemoryWorkspace,
  Progress,
  Workspace,
)
from magnet_jax.ops import selection, windows
from magnet_jax.rasters.given_image import Given
from magnet_jax.refiners.refiner import Refiner
from magnet_jax.types import InputError, Network, Plane, Size, Stage, WindowGrid


@dataclasses.dataclass(frozen=True)
class StageResult:
  """The segmentation after one stage.

  Attributes:
    stage: its size and windows.
    probabilities: float32 [H_s,W_s,C].
    chosen: bool [H_s,W_s], the points replaced; None for stage 0.
    windows: numbers of the windows that the networks processed.
  """

  stage: Stage
  probabilities: np.ndarray
  chosen: np.ndarray | None
  windows: tuple[int, ...]


class Cascade:
  """A segmenter and refiners on the devices, ready for any image.

  Args:
    segmenter: normalised images [B,h,w,3] -> logits [B,h,w,C]; pass
      `jax.tree_util.Partial(module.apply, variables)` rather than a closure,
      so that the variables are arguments and not constants of the program.
      `HostSegmenter` wraps any function of NumPy arrays. For refiners that need
      features it must return (logits, features by name) with features=True.
    refiners: one for all stages, or one per stage after stage 0; the last
      serves all further stages. Without refiners only stage 0 and `patches`
      work.
    network: (h, w), the networks' input size.
    options: how a stage is refined.
    policy: the parts in which pipelines differ.
    score: computes Q; the points of highest Q are replaced.
    weights: of the windows along an axis, for blending overlaps.

  Attributes:
    way: how a stage is refined under these options.
    batch: number of windows refined at a time, over all devices.

  Raises:
    InputError: for options that the pipeline does not support.
  """

  def __init__(
    self,
    segmenter: Network | HostSegmenter,
    refiners: Sequence[Refiner],
    *,
    network: Size,
    options: Options,
    policy: Policy = policy.ALIGNED,
    score: selection.Score = selection.score,
    weights: windows.Weights = windows.axis_weights,
  ):
    if isinstance(segmenter, HostSegmenter):
      segmenter.check_size(network)
    for refiner in refiners:
      policy.check(refiner, options)
      if 'features' in refiner.needs:
        features.check(segmenter, network)
    segmenter = flips.average(segmenter, options.flips)
    self.network = network
    self.options = options
    self.policy = policy
    self._refiners = tuple(refiners)
    self._ways = [policy.way(options, each.choice) for each in refiners]
    # What it takes is what the most demanding stage does.
    self.way = max(
      self._ways or [policy.way(options, 'points')],
      key=lambda way: bool(way.in_memory),
    )
    self._weights, self._score = weights, score
    self.batch = parallel.device_count() * (
      options.batch
      or device_memory.batch(segmenter, refiners, network, options)
    )
    self._steps = Steps(class_bias.add(segmenter, options.bias), refiners)

  def run(
    self,
    plan: Sequence[Stage],
    workspace: Workspace,
    progress: Progress = SILENT,
  ) -> Iterator[tuple[Stage, Sequence[int]]]:
    """Segments an image; the results are in the workspace.

    Args:
      plan: stages for the image's size, from the policy's planner.
      workspace: provides the image and receives the maps.
      progress: progress callbacks.

    Yields:
      Each stage once it is complete, and the windows that the networks
      processed in it.
    """
    counts = window_choice.allot(plan, self.options.windows)
    # Only the last stage is mixed: earlier maps are inputs of a refiner that
    # was trained on maps without a mix.
    mixed = [stage for stage in plan if len(stage.grid)][-1]
    past: list[Layer] = []
    for before, stage, count in zip((None, *plan), plan, counts, strict=False):
      progress.says(stage.name)
      weight = self.options.stage_weight(stage.index)
      coarse = workspace.map(before) if before else None
      numbers: Sequence[int] = range(count)
      if coarse:
        numbers = window_choice.chosen(
          stage, coarse, count, workspace, progress, options=self.options
        )
      share = workspace.share(stage, numbers, count, self._batch_of(stage))
      if share is not None:
        image = workspace.image(stage)
        parts = (
          self.refine(
            stage,
            image,
            coarse,
            numbers,
            share=share,
            mix=self.options.mix if stage is mixed else 0.0,
            past=Past(tuple(past), weight),
          )
          if coarse
          else self.policy.first(self._start(stage, image, share))
        )
        for part in parts:
          workspace.put(stage, part)
          progress.done(part.windows)
      workspace.end(stage)
      if len(stage.grid):
        past.append(depth.layer(stage.grid, numbers, weight, self._weights))
      yield stage, numbers

  def _batch_of(self, stage: Stage) -> int:
    """B of a stage: a single window at the start is not padded to a batch."""
    return 1 if stage.index == 0 and len(stage.grid) == 1 else self.batch

  def _start(self, stage: Stage, image: Plane, share: Share) -> Start:
    """What it takes to segment the windows of stage 0."""
    batch = self._batch_of(stage)
    return Start(
      stage=stage,
      image=image,
      share=share,
      network=self.network,
      batch=batch,
      weights=self._weights,
      step=self._steps.segment_one if batch == 1 else self._steps.segment,
    )

  def stages(
    self,
    image: Given,
    plan: Sequence[Stage],
    *,
    progress: Progress = SILENT,
  ) -> Iterator[StageResult]:
    """Segments an image in memory; returns the results of its stages.

    Args:
      image: uint8 [H,W,3], or anything that `given_image.as_raster` takes.
      plan: as for `run`.
      progress: progress callbacks.

    Raises:
      InputError: it is no image, or the plan is for another size.
    """
    space = MemoryWorkspace(image, plan[-1].size, self.policy.shrink, progress)

    def result(done: tuple[Stage, Sequence[int]]) -> StageResult:
      stage, numbers = done
      found = space.probabilities
      size = (found.shape[0], found.shape[1])
      # Only stage 0 of the released pipeline differs in size from its map.
      if stage.size != size:
        stage = Stage(stage.index, WindowGrid(size, size, (0,), (0,)))
      return StageResult(stage, found, space.chosen, tuple(numbers))

    return map(result, self.run(plan, space, progress))

  def segment(self, image: Given, plan: Sequence[Stage]) -> np.ndarray:
    """Returns the probabilities of the last of `stages`: float32 [H,W,C]."""
    for result in self.stages(image, plan):
      last = result
    return last.probabilities

  def patches(self, image: Given, grid: WindowGrid) -> np.ndarray:
    """Segments windows on their own and blends them: float32 [H,W,C].

    Args:
      image: as for `stages`; raises as that does.
      grid: windows over it.
    """
    stage = Stage(0, grid)
    space = MemoryWorkspace(image, grid.size, self.policy.shrink, SILENT)
    share = space.share(stage, range(len(grid)), len(grid), self.batch)
    start = self._start(stage, space.image(stage), share)
    for part in by_window.segment(start):
      space.put(stage, part)
    return space.probabilities

  def refine(
    self,
    stage: Stage,
    image: Plane,
    coarse: Plane,
    numbers: Sequence[int],
    *,
    share: Share | None = None,
    mix: float = 0.0,
    past: Past = ONE_STAGE,
  ) -> Iterator[Part]:
    """Refines windows of one stage.

    Args:
      stage: the stage; without windows, the coarse map is resized to it, and
        filtered if it says so.
      image: uint8 [H_s,W_s,3].
      coarse: float32 [H',W',C], the segmentation after the stage before.
      numbers: the windows to refine, ascending.
      share: the part of the work to do; all by default.
      mix: share of the windows' own segmentation in the result, in [0, 1].
      past: the stages that the coarse map holds; by default it counts as one.

    Returns:
      The parts of the stage, as they are finished.

    Raises:
      InputError: there is no refiner.
    """
    share = share or Share(range(len(tiling.tiled(stage.grid))))
    if stage.filtered and self.options.filter_radius:
      radius = self.options.filter_radius
      return last_filter.refine(stage, image, coarse, share, radius=radius)
    if not len(stage.grid):
      return self.policy.enlarge(stage, coarse, share)
    if not self._refiners:
      raise InputError(
        'cascade without a refiner: stages after the first need one; pass a '
        'refiner, or use method downsample or patch'
      )
    # Stages beyond the last refiner share it.
    number = min(stage.index, len(self._refiners)) - 1
    work = Work(
      stage=stage,
      image=image,
      coarse=coarse,
      numbers=numbers,
      share=share,
      network=self.network,
      refiner=self._refiners[number],
      options=self.options,
      score=self._score,
      mix=mix,
      batch=self.batch,
      weights=self._weights,
      step=functools.partial(self._steps.refine, number),
      past=past,
    )
    return self._ways[number].refine(work)
