"""Training batches of whole images, each with all its windows, for GLNet.

Images of several sizes, or of too many windows, are seen in parts of one size,
each of which counts as a whole image.
"""

from collections.abc import Callable, Iterator
import dataclasses
import functools

import numpy as np

from magnet_jax.data import augment, cutting, pipeline
from magnet_jax.data.augment import Augmentation
from magnet_jax.data.schedule import Batch, Schedule
from magnet_jax.data.sources import Source
from magnet_jax.ops import resize, sharing
from magnet_jax.types import InputError, Size, WindowGrid

GridFor = Callable[[Size], WindowGrid]


def batches(
  source: Source,
  schedule: Schedule,
  *,
  grid_for: GridFor,
  network: Size,
  part: Size | None = None,
  augmentation: Augmentation = pipeline.NO_AUGMENTATION,
) -> Iterator[Batch]:
  """Yields random images and all their windows.

  Args:
    source: labelled images, or parts of them, all with the same number N of
      windows.
    schedule: of batches of B images.
    grid_for: (height, width) of an image -> its windows.
    network: (h, w) of the network's input.
    part: (height, width) of a random part to take of each image, at most the
      image; None takes all of it.
    augmentation: of the whole image; its `scale_jitter` must be 1.

  Returns:
    Iterator of {'image': uint8 [B,h,w,3], 'label': uint8 [B,h,w], 'windows':
    uint8 [B,N,h,w,3], 'labels': uint8 [B,N,h,w], 'places': float32 [B,N,4], as
    in `ops.sharing`}.

  Raises:
    InputError: immediately for a value out of range, an image smaller than
      `part`, or different numbers of windows; for a damaged image when it is
      read.
  """
  if augmentation.scale_jitter != 1:
    raise InputError(
      f'scale_jitter {augmentation.scale_jitter}: whole images have one scale; '
      'set it to 1'
    )
  sizes = {source.size(index) for index in range(len(source))}
  if part:
    for size in sorted(sizes):
      if size[0] < part[0] or size[1] < part[1]:
        raise InputError(
          f'crop {part}: an image is of {size} pixels (height, width), and '
          'must be at least as large; make crop smaller, or leave it out'
        )
    sizes = {part}
  counts = {size: len(grid_for(size)) for size in sorted(sizes)}
  if len(set(counts.values())) > 1:
    raise InputError(
      f'images of {counts} windows by size (height, width): must have as many '
      'each; set crop, such as (1224, 1224), to see parts of one size'
    )
  draw = _Images(source, grid_for, network, part, augmentation)
  return schedule.run(len(source), draw)


@dataclasses.dataclass(frozen=True)
class _Images:
  """Draws image `index`, changed, with its windows."""

  source: Source
  grid_for: GridFor
  network: Size
  part: Size | None
  augmentation: Augmentation

  def __call__(self, index: int, rng: np.random.Generator) -> Batch:
    sample = self.source[index]
    symmetry = augment.draw_symmetry(rng, self.augmentation)
    colours = augment.draw_colours(rng, self.augmentation)
    image, label = sample.image, cutting.labelled(sample)
    if self.part:
      top, left = (
        int(rng.integers(whole - side + 1))
        for whole, side in zip(label.shape, self.part, strict=True)
      )
      where = np.s_[top : top + self.part[0], left : left + self.part[1]]
      image, label = image[where], label[where]
    image = colours.apply(np.ascontiguousarray(symmetry.apply(image)))
    label = np.ascontiguousarray(symmetry.apply(label))
    grid = self.grid_for((image.shape[0], image.shape[1]))
    cut = functools.partial(
      cutting.cut_window, image, label, window=grid.window, network=self.network
    )
    pieces, labels = zip(*map(cut, grid.corners), strict=True)
    return {
      'image': resize.image(image, self.network),
      'label': resize.label(label, self.network),
      'windows': np.stack(pieces),
      'labels': np.stack(labels),
      'places': sharing.places(grid),
    }
