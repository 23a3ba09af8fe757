"""MagNet as its authors released it, for checkpoints trained with their code.

Same stages, networks and words as `progressive`, other details, each kept for
the sake of equal numbers:

- the image is resized to each scale, whatever its aspect ratio, bilinearly and
  without averaging, and so are the windows to the networks' input;
- the coarse map, upsampled to the stage, is cropped by an unaligned RoIAlign:
  the refiner sees it half a pixel off, and a little blurred;
- overlapping windows are overwritten, then divided by how many overlapped;
- K points are chosen over the whole stage, on scores picked at every few pixels
  until the map is as small as the networks' input, with zeros around it for
  the median filter; blocks of pixels are replaced together.

Published settings have windows that divide the scales, so that nothing
overlaps; where windows do, probabilities no longer sum to 1. The one liberty
taken: pixels that no window reaches keep the coarse map.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import (
  batches,
  host_step,
  refine_step,
  released_ops,
  released_points,
  settings,
  stage_windows,
)
from magnet_jax.cascade.cascade import Cascade, StageResult
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.cascade.options import Options
from magnet_jax.ops import resize, selection
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.types import InputError, Network, Size, Stage, WindowGrid


def planner(
  plan_settings: Mapping[str, Any],
) -> Callable[[Size], tuple[Stage, ...]]:
  """Returns the function that plans the stages of an image of some size.

  Args:
    plan_settings: as for `settings.planner`. `scales` are the stages' exact
      sizes, for images of every size and shape; without any they are the
      sizes of the aligned plan. `overlap` has no meaning here.
  """
  window = settings.window(plan_settings)
  scales = [(height, width) for height, width in plan_settings['scales']]
  if any(min(scale) < 1 for scale in scales):
    raise InputError(
      f'scales {scales}: sizes must be at least 1 pixel; give (height, width) '
      'of each stage, coarse to fine'
    )

  def make(size: Size) -> tuple[Stage, ...]:
    sizes = scales or [
      stage.size for stage in settings.planner(plan_settings)(size)
    ]
    return tuple(
      Stage(index, released_ops.grid(each, each if index == 0 else window))
      for index, each in enumerate(sizes)
    )

  return make


class Released:
  """A segmenter and refiners that run as published; a `Cascade` in its use.

  Args:
    segmenter: as for `Cascade`.
    refiners: as for `Cascade`.
    network: (h, w), the networks' input size.
    options: how a stage is refined. K is counted over each stage whatever its
      `selection` says.

  Raises:
    InputError: if the options ask for MagNet-Fast.
  """

  def __init__(
    self,
    segmenter: Network | HostSegmenter,
    refiners: Sequence[Network],
    *,
    network: Size,
    options: Options,
  ):
    if options.min_uncertainty:
      raise InputError(
        f'min_uncertainty {options.min_uncertainty} with the released '
        'pipeline: it refines all windows; leave it out, or use '
        '--pipeline=aligned'
      )
    if isinstance(options.windows, int) or options.windows != 1.0:
      raise InputError(
        f'windows {options.windows} with the released pipeline: its '
        'MagNet-Fast takes the least uncertain windows and then leaves these '
        'out, so there are no numbers worth repeating; use windows=1.0, or '
        '--pipeline=aligned'
      )
    self.network = network
    self.options = options
    # Patches, the rival, have no published form of their own.
    self._aligned = Cascade(segmenter, (), network=network, options=options)
    self.batch = self._aligned.batch
    self._segment = host_step.over_devices(
      refine_step.segment_windows, segmenter, devices=1
    )
    self._segmenter = segmenter
    self._refiners = tuple(refiners)
    self._refine = functools.cache(self._refine_step)

  def stages(
    self, image: np.ndarray, plan: Sequence[Stage]
  ) -> Iterator[StageResult]:
    """Segments an image, yielding the result of every stage.

    The map of stage 0 has the size of the networks' input. Where the last
    scale is not the image's own size, one more result follows, without windows
    or points: the last map, resized to the image bilinearly.

    Args:
      image: uint8 [H,W,3].
      plan: stages from `planner`.
    """
    pixels = released_ops.image(image, plan[0].size)
    pixels = released_ops.image(pixels, self.network)
    (probabilities,) = parallel.fetch(self._segment(images=pixels[None]))
    yield StageResult(_whole(0, self.network), probabilities, None, (0,))
    for stage in plan[1:]:
      pixels = released_ops.image(image, stage.size)
      probabilities = resize.probabilities(probabilities, stage.size)
      refined = self._refined(pixels, probabilities, stage)
      chosen = self._chosen(probabilities, refined)
      chosen &= _times(stage.grid) > 0
      np.copyto(probabilities, refined, where=chosen[..., None])
      numbers = tuple(range(len(stage.grid)))
      yield StageResult(stage, probabilities, chosen, numbers)
    size = (image.shape[0], image.shape[1])
    if probabilities.shape[:2] != size:
      probabilities = resize.probabilities(probabilities, size)
      yield StageResult(_whole(len(plan), size), probabilities, None, ())

  def segment(self, image: np.ndarray, plan: Sequence[Stage]) -> np.ndarray:
    """The last probabilities alone, at the image's size: float32 [H,W,C]."""
    for result in self.stages(image, plan):
      final = result.probabilities
    return final

  def patches(self, image: np.ndarray, grid: WindowGrid) -> np.ndarray:
    """The rival, as `Cascade.patches`: float32 [H,W,C]."""
    return self._aligned.patches(image, grid)

  def _refined(
    self, image: np.ndarray, coarse: np.ndarray, stage: Stage
  ) -> np.ndarray:
    """R of all windows, put together: float32 [H_s,W_s,C]."""
    grid = stage.grid
    refined = np.zeros_like(coarse)

    def arrays_of(number: int) -> stage_windows.Arrays:
      top, left = grid.corners[number]
      box = (top, left, top + grid.window[0], left + grid.window[1])
      piece = image[stage_windows.inside(grid, number)]
      return {
        'images': released_ops.image(piece, self.network),
        'coarse': released_ops.roi_align(coarse, box, self.network),
      }

    # Column by column: where windows overlap, the last one stays.
    order = sorted(
      range(len(grid)), key=lambda number: grid.corners[number][::-1]
    )
    for number, piece in batches.run(
      self._refine(self._refiner(stage)), order, arrays_of, self.batch
    ):
      area = stage_windows.inside(grid, number)
      refined[area] = resize.probabilities(piece, grid.window)
    times = _times(grid)
    if times.max() > 1:
      refined /= np.maximum(times, 1)[..., None]
    return refined

  def _chosen(self, coarse: np.ndarray, refined: np.ndarray) -> np.ndarray:
    """The points where R replaces Y: bool [H_s,W_s]."""
    size = (coarse.shape[0], coarse.shape[1])
    unsure, sure = (
      uncertainty(released_ops.nearest(maps, self.network))
      for maps in (coarse, refined)
    )
    scores = released_ops.zero_padded_median(
      unsure * (1 - sure), self.options.kernel
    )
    count = selection.count_points(self.options.points, size[0] * size[1])
    return released_points.choose(released_ops.nearest(scores, size), count)

  def _refiner(self, stage: Stage) -> int:
    """Which refiner serves a stage."""
    if not self._refiners:
      raise InputError(
        'released pipeline without a refiner: stages after the first need '
        'one; pass a refiner, or segment by the methods downsample and patch'
      )
    return min(stage.index, len(self._refiners)) - 1

  def _refine_step(self, refiner: int) -> parallel.Step:
    return host_step.over_devices(
      _refine, self._segmenter, self._refiners[refiner]
    )


def _refine(
  segmenter: Network,
  refiner: Network,
  *,
  images: jax.Array,
  coarse: jax.Array,
) -> jax.Array:
  """R of a batch of windows: float32 [B,h,w,C]."""
  scale = refine_step.segment_windows(segmenter, images=images)
  logits = refiner(scale=scale, coarse=coarse)
  return jax.nn.softmax(logits.astype(jnp.float32))


def _times(grid: WindowGrid) -> np.ndarray:
  """How many windows cover each pixel: float32 [H,W]."""
  rows, columns = (np.zeros(length, np.float32) for length in grid.size)
  for top in grid.tops:
    rows[top : top + grid.window[0]] += 1
  for left in grid.lefts:
    columns[left : left + grid.window[1]] += 1
  return np.outer(rows, columns)


def _whole(index: int, size: Size) -> Stage:
  return Stage(index, WindowGrid(size, size, (0,), (0,)))
