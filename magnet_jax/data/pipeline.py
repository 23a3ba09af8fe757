"""Training batches: augmented windows, and paths of nested windows."""

from collections.abc import Callable, Iterator, Sequence
import dataclasses

import numpy as np

from magnet_jax.data import augment, cache, cutting, zoom_paths
from magnet_jax.data.augment import Augmentation
from magnet_jax.data.schedule import Batch, Schedule
from magnet_jax.data.sources import Source
from magnet_jax.ops import resize
from magnet_jax.types import InputError, Size, Stage

Plans = dict[Size, tuple[Stage, ...]]
PlanFor = Callable[[Size], tuple[Stage, ...]]
NO_AUGMENTATION = Augmentation()


def segmenter_batches(
  source: Source,
  schedule: Schedule,
  *,
  plan_for: PlanFor,
  network: Size,
  augmentation: Augmentation = NO_AUGMENTATION,
  windows_per_image: int = 1,
  stage_weights: Sequence[float] | None = None,
) -> Iterator[Batch]:
  """Yields random windows from all stages of random images.

  Args:
    source: labelled images.
    schedule: of batches of B windows.
    plan_for: (height, width) of an image -> its stages.
    network: (h, w) of the network's input.
    augmentation: of the windows.
    windows_per_image: windows of the same image in a batch; more than 1 saves
      decoding where the cache does not hold the images. Divides B.
    stage_weights: relative frequency of the stages, coarse to fine; None:
      equal.

  Returns:
    Iterator of {'image': uint8 [B,h,w,3], 'label': uint8 [B,h,w]}; of the rows
    of one process, if several share the batches.

  Raises:
    InputError: immediately for a value out of range; for a damaged image when
      it is read.
  """
  plans = make_plans(source, plan_for, augmentation)
  if stage_weights is not None:
    check_weights(stage_weights, plans)
  if windows_per_image < 1 or schedule.batch % windows_per_image:
    raise InputError(
      f'windows_per_image {windows_per_image}: must be at least 1 and divide '
      f'the batch of {schedule.batch}; change one of them'
    )
  draw = _SegmenterWindows(
    source, plans, network, augmentation, windows_per_image, stage_weights
  )
  images = dataclasses.replace(
    schedule, batch=schedule.batch // windows_per_image
  )
  return (
    {name: array.reshape(-1, *array.shape[2:]) for name, array in b.items()}
    for b in images.run(len(source), draw)
  )


def refiner_batches(
  source: Source,
  schedule: Schedule,
  *,
  plan_for: PlanFor,
  network: Size,
  augmentation: Augmentation = NO_AUGMENTATION,
  cache_mb: float = 512,
) -> Iterator[Batch]:
  """Yields zoom paths: nested windows, one per stage, of random images.

  The window of the last stage lies anywhere in the image, every coarser one
  anywhere around the finer one. S is the largest number of stages of any
  image; images with fewer repeat their last window with labels of IGNORE.

  Args:
    source: labelled images.
    schedule: of batches of B paths.
    plan_for: (height, width) of an image -> its stages.
    network: (h, w) of the networks' input.
    augmentation: of the paths; its `scale_jitter` must be 1.
    cache_mb: memory for the images of the coarse stages, in MiB; a third of
      the size of the decoded images is enough for all.

  Returns:
    Iterator of {'images': uint8 [B,S,h,w,3], 'labels': uint8 [B,S,h,w],
    'offsets': float32 [B,S,2], 'ratios': float32 [B,S,2]}: the corner (y, x)
    of each window in the previous one, in pixels of the latter, and how many
    of these make up a pixel of the window; 0 and 1 for the first and for
    repeated windows.

  Raises:
    InputError: as `segmenter_batches`.
  """
  if augmentation.scale_jitter != 1:
    raise InputError(
      f'scale_jitter {augmentation.scale_jitter}: the refiner is trained at '
      'the scales of the stages only; set it to 1'
    )
  plans = make_plans(source, plan_for, augmentation)
  count = max(len(stages) for stages in plans.values())
  draw = _ZoomPaths(
    source, plans, network, augmentation, count, cache.ByteCache(cache_mb)
  )
  return schedule.run(len(source), draw)


def make_plans(
  source: Source, plan_for: PlanFor, augmentation: Augmentation
) -> Plans:
  """Plans every size that occurs, so that workers need no planner."""
  if not len(source):
    raise InputError('source of 0 samples: need at least one; add images')
  sizes = {source.size(index) for index in range(len(source))}
  if augmentation.rotate:
    sizes |= {(width, height) for height, width in sizes}
  return {size: plan_for(size) for size in sorted(sizes)}


def check_weights(weights: Sequence[float], plans: Plans) -> None:
  """Raises InputError unless weights are of the stages of all plans."""
  count = max(len(stages) for stages in plans.values())
  fewest = min(len(stages) for stages in plans.values())
  if len(weights) != count:
    raise InputError(
      f'stage_weights of {len(weights)} numbers: need one for each of the '
      f'{count} stages, coarse to fine'
      '; correct it'
    )
  if not all(0 <= weight < np.inf for weight in weights) or not (
    sum(weights[:fewest]) > 0
  ):
    raise InputError(
      f'stage_weights {tuple(weights)}: must be finite, at least 0, and '
      f'above 0 for one of the first {fewest}, which every image has'
      '; correct it'
    )


@dataclasses.dataclass(frozen=True)
class _SegmenterWindows:
  """Draws windows of image `index`, stacked: [windows,h,w,…]."""

  source: Source
  plans: Plans
  network: Size
  augmentation: Augmentation
  count: int
  weights: Sequence[float] | None

  def __call__(self, index: int, rng: np.random.Generator) -> Batch:
    sample = self.source[index]
    images, labels = zip(
      *(
        cutting.draw_window(
          rng,
          sample,
          self.plans,
          network=self.network,
          options=self.augmentation,
          weights=self.weights,
        )
        for _ in range(self.count)
      ),
      strict=True,
    )
    return {'image': np.stack(images), 'label': np.stack(labels)}


@dataclasses.dataclass(frozen=True)
class _ZoomPaths:
  """Draws one zoom path of image `index`."""

  source: Source
  plans: Plans
  network: Size
  augmentation: Augmentation
  count: int
  stages: cache.ByteCache[tuple[np.ndarray, np.ndarray]]

  def __call__(self, index: int, rng: np.random.Generator) -> Batch:
    sample = self.source[index]
    full = (sample.image.shape[0], sample.image.shape[1])
    symmetry = augment.draw_symmetry(rng, self.augmentation)
    path = zoom_paths.draw_path(rng, self.plans[symmetry.size(full)])

    def images(size: Size) -> tuple[np.ndarray, np.ndarray]:
      stored = symmetry.size(size)

      def make() -> tuple[np.ndarray, np.ndarray]:
        return (
          resize.image(sample.image, stored),
          resize.label(cutting.labelled(sample), stored),
        )

      # The full size is the sample itself, which is cached already.
      image, label = (
        make()
        if stored == full
        else self.stages.get(
          (index, stored), make, lambda pair: sum(a.nbytes for a in pair)
        )
      )
      return symmetry.apply(image), symmetry.apply(label)

    pieces, labels = zoom_paths.cut_path(path, images, network=self.network)
    colours = augment.draw_colours(rng, self.augmentation)
    # Stacked vertically, so that the whole path changes its colours alike.
    changed = colours.apply(pieces.reshape(-1, *pieces.shape[2:]))
    offsets, ratios = zoom_paths.places(path, self.network)
    arrays = {
      'images': changed.reshape(pieces.shape),
      'labels': labels,
      'offsets': offsets,
      'ratios': ratios,
    }
    return zoom_paths.extend(arrays, self.count)
