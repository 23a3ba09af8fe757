"""The loop over the stages: coarse to fine, each corrects the one before."""

from collections.abc import Iterator, Sequence
import dataclasses
import math

import numpy as np

from magnet_jax import parallel
from magnet_jax.ops import merge, resize, selection
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.segment import batches, refine_step
from magnet_jax.types import InputError, Network, Size, Stage, WindowGrid


@dataclasses.dataclass(frozen=True)
class Options:
  """How a stage is refined.

  Attributes:
    points: K; a float is a fraction of the pixels considered, an int a count.
    selection: 'window' takes K points of each window, 'image' K of a stage.
    kernel: odd side of the median filter.
    windows: MagNet-Fast: refine only the windows with the highest mean
      uncertainty; a float is a fraction of the stage's windows, an int a
      count. 1.0 refines all.
    batch: windows a device holds at a time.
  """

  points: float | int = 0.75
  selection: str = 'window'
  kernel: int = 5
  windows: float | int = 1.0
  batch: int = 1

  def __post_init__(self) -> None:
    selection.count_points(self.points, 1)
    if self.selection not in ('window', 'image'):
      raise InputError(
        f'selection {self.selection!r}: must be one of window, image'
      )
    if self.kernel < 1 or self.kernel % 2 == 0:
      raise InputError(
        f'median kernel {self.kernel}: must be odd and positive; try 5 or 11'
      )
    if self.windows <= 0 or (
      isinstance(self.windows, float) and self.windows > 1
    ):
      raise InputError(
        f'windows {self.windows}: must be a count >= 1 or a fraction in '
        '(0, 1]; 1.0 refines all'
      )
    if self.batch < 1:
      raise InputError(f'batch {self.batch}: must be at least 1')


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
    refiner: (scale=, coarse=) [B,h,w,C] -> logits [B,h,w,C].
    network: (h, w), the networks' input size.
    options: how a stage is refined.
  """

  def __init__(
    self,
    segmenter: Network,
    refiner: Network | None,
    *,
    network: Size,
    options: Options,
  ):
    self.network = network
    self.options = options
    self.batch = options.batch * parallel.device_count()
    self._whole = parallel.over_devices(
      refine_step.segment_windows, segmenter, devices=1
    )
    self._segment = parallel.over_devices(
      refine_step.segment_windows, segmenter
    )
    if refiner is not None:
      pixels = network[0] * network[1]
      self._refine = parallel.over_devices(
        refine_step.refine_windows,
        segmenter,
        refiner,
        kernel=options.kernel,
        most=selection.count_points(options.points, pixels),
      )
      self._candidates = parallel.over_devices(
        refine_step.candidates, segmenter, refiner, kernel=options.kernel
      )

  def stages(
    self, image: np.ndarray, plan: Sequence[Stage]
  ) -> Iterator[StageResult]:
    """Segments an image, yielding the result of every stage.

    Args:
      image: uint8 [H,W,3].
      plan: stages of the image's size, from `plan.make_plan`.
    """
    first = plan[0]
    probabilities = self._coarsest(resize.image(image, first.size), first)
    yield StageResult(first, probabilities, None, (0,))
    for stage in plan[1:]:
      coarse = probabilities
      stage_image = resize.image(image, stage.size)
      probabilities = resize.probabilities(coarse, stage.size)
      numbers = most_uncertain(probabilities, stage, self.options.windows)
      refine = {'window': self._by_window, 'image': self._by_image}
      chosen = refine[self.options.selection](
        stage_image, coarse, probabilities, stage, numbers
      )
      yield StageResult(stage, probabilities, chosen, numbers)

  def segment(
    self, image: np.ndarray, plan: Sequence[Stage]
  ) -> np.ndarray:
    """The last stage's probabilities alone: float32 [H,W,C]."""
    for result in self.stages(image, plan):
      final = result.probabilities
    return final

  def patches(self, image: np.ndarray, grid: WindowGrid) -> np.ndarray:
    """The rival: full-size windows segmented alone and blended."""
    pieces = (
      (number, resize.probabilities(piece, grid.window))
      for number, piece in batches.run(
        self._segment,
        range(len(grid)),
        lambda n: {'images': batches.images_at(image, grid, n, self.network)},
        self.batch,
      )
    )
    number, piece = next(pieces)
    target = np.zeros((*grid.size, piece.shape[-1]), np.float32)
    merge.add_windows(target, grid, [(number, piece)])
    return merge.add_windows(target, grid, pieces)

  def _coarsest(self, image: np.ndarray, stage: Stage) -> np.ndarray:
    pixels = batches.images_at(image, stage.grid, 0, self.network)
    (piece,) = parallel.fetch(self._whole(images=pixels[None]), 1)
    whole = resize.probabilities(piece, stage.grid.window)
    return whole[: stage.size[0], : stage.size[1]]

  def _by_window(
    self,
    image: np.ndarray,
    coarse: np.ndarray,
    probabilities: np.ndarray,
    stage: Stage,
    numbers: Sequence[int],
  ) -> np.ndarray:
    """Refines K points of each window, in place; returns the points."""
    chosen = np.zeros(stage.size, bool)

    def arrays_of(number: int) -> batches.Arrays:
      arrays = self._window(image, coarse, stage, number)
      valid = int(arrays['valid'].prod())
      count = selection.count_points(self.options.points, valid)
      return arrays | {'points': np.asarray(count, np.int32)}

    def changes() -> Iterator[tuple[int, np.ndarray]]:
      for number, refined in batches.run(
        self._refine, numbers, arrays_of, self.batch
      ):
        area = _inside(stage.grid, number)
        marks = resize.label(
          refined.chosen.view(np.uint8), stage.grid.window
        ).view(bool)
        seen = chosen[area]
        seen |= marks[: seen.shape[0], : seen.shape[1]]
        yield number, _at(refined.change, stage.grid.window)

    merge.add_windows(probabilities, stage.grid, changes())
    return chosen

  def _by_image(
    self,
    image: np.ndarray,
    coarse: np.ndarray,
    probabilities: np.ndarray,
    stage: Stage,
    numbers: Sequence[int],
  ) -> np.ndarray:
    """Refines K points of the whole stage, in place; returns the points."""
    classes = coarse.shape[-1]
    covered = np.zeros(stage.size, bool)

    def changes() -> Iterator[tuple[int, np.ndarray]]:
      for number, found in batches.run(
        self._candidates,
        numbers,
        lambda n: self._window(image, coarse, stage, n),
        self.batch,
      ):
        covered[_inside(stage.grid, number)] = True
        change = found.refined - found.coarse
        both = np.concatenate([change, found.scores[..., None]], axis=-1)
        yield number, _at(both, stage.grid.window)

    total = np.zeros((*stage.size, classes + 1), np.float32)
    merge.add_windows(total, stage.grid, changes())
    scores = np.where(covered, total[..., -1], np.float32(-1))
    count = selection.count_points(self.options.points, int(covered.sum()))
    chosen = selection.choose_on_host(scores, count)
    probabilities[chosen] += total[chosen, :classes]
    return chosen

  def _window(
    self, image: np.ndarray, coarse: np.ndarray, stage: Stage, number: int
  ) -> batches.Arrays:
    """The arrays of `refine_step.candidates` for one window."""
    grid = stage.grid
    piece, offset, ratio = coarse_piece(coarse, grid, number)
    network = np.asarray(self.network, np.float32)
    zoom = np.asarray(grid.window, np.float32) / network
    corner = grid.corners[number]
    rest = [s - c for s, c in zip(grid.size, corner, strict=True)]
    valid = np.ceil(np.minimum(np.asarray(rest) / zoom, network))
    return {
      'images': batches.images_at(image, grid, number, self.network),
      'coarse': piece,
      'offsets': offset,
      'ratios': ratio * zoom,
      'valid': valid.astype(np.int32),
    }


def coarse_piece(
  coarse: np.ndarray, grid: WindowGrid, number: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Cuts what one window needs of the segmentation of the stage before.

  Args:
    coarse: float32 [H',W',C] of the stage before.
    grid: the windows of this stage.
    number: which of them.

  Returns:
    float32 [h',w',C], of one shape for all windows of the grid; float32 [2],
    the window's corner in it; float32 [2], its pixels per pixel of the stage.
  """
  starts, sizes, offsets, ratios = [], [], [], []
  for axis in (0, 1):
    have, want = coarse.shape[axis], grid.size[axis]
    ratio = have / want
    size = min(have, math.ceil(grid.window[axis] * ratio) + 2)
    corner = grid.corners[number][axis] * ratio
    start = min(max(math.floor(corner - 0.5), 0), have - size)
    starts.append(start)
    sizes.append(size)
    offsets.append(corner - start)
    ratios.append(ratio)
  piece = coarse[
    starts[0] : starts[0] + sizes[0], starts[1] : starts[1] + sizes[1]
  ]
  return piece, np.float32(offsets), np.float32(ratios)


def most_uncertain(
  probabilities: np.ndarray, stage: Stage, share: float | int
) -> tuple[int, ...]:
  """Numbers of the windows with the highest mean uncertainty, ascending.

  Args:
    probabilities: float32 [H_s,W_s,C], the upsampled segmentation so far.
    stage: the stage whose windows are chosen.
    share: a float is a fraction of the windows, at least one; an int a count.
  """
  total = len(stage.grid)
  count = selection.count_points(share, total)
  if count >= total:
    return tuple(range(total))
  unsure = uncertainty(probabilities)
  means = [
    float(unsure[_inside(stage.grid, number)].mean())
    for number in range(total)
  ]
  return tuple(sorted(np.argsort(means, kind='stable')[total - count :]))


def _inside(grid: WindowGrid, number: int) -> tuple[slice, slice]:
  top, left = grid.corners[number]
  return (
    slice(top, top + grid.window[0]),
    slice(left, left + grid.window[1]),
  )


def _at(maps: np.ndarray, size: Size) -> np.ndarray:
  return maps if maps.shape[:2] == size else resize.probabilities(maps, size)


def predict(probabilities: np.ndarray) -> np.ndarray:
  """The most probable class of each pixel: uint8 [H,W]."""
  return probabilities.argmax(-1).astype(np.uint8)

