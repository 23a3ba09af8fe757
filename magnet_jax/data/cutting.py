"""Random windows of labelled images at the magnification of any stage."""

from collections.abc import Sequence
import math

import numpy as np

from magnet_jax.data import augment
from magnet_jax.data.augment import Augmentation, Region, Symmetry
from magnet_jax.ops import resize, windows
from magnet_jax.types import IGNORE, Sample, Size, Stage


def labelled(sample: Sample) -> np.ndarray:
  """Returns the label of a sample; without one, every pixel is ignored."""
  if sample.label is None:
    return np.full(sample.image.shape[:2], IGNORE, np.uint8)
  return sample.label


def pad(array: np.ndarray, size: Size) -> np.ndarray:
  """Pads at the bottom and right: images with their edge, labels with IGNORE.

  Args:
    array: an image [h,w,3] or a label [h,w], not larger than `size`.
    size: (height, width) of the result.
  """
  missing = [(0, size[axis] - array.shape[axis]) for axis in (0, 1)]
  if not any(after for _, after in missing):
    return array
  if array.ndim == 3:
    return np.pad(array, [*missing, (0, 0)], mode='edge')
  return np.pad(array, missing, constant_values=IGNORE)


def _halvings(length: int, target: int) -> int:
  """Returns how often a length can be halved and stay twice the target."""
  return max(0, math.floor(math.log2(max(1, length / target))) - 1)


def _draw_axis(
  rng: np.random.Generator, length: int, wanted: float, target: int
) -> tuple[int, int, int]:
  """Draws start and end in the image, and the resulting pixels, of one axis.

  Args:
    rng: draws the start so that the end stays inside.
    length: pixels of the image.
    wanted: pixels of the image that the whole window would cover.
    target: pixels of the window at the network's input.
  """
  extent = max(1, round(wanted))
  if extent >= length:
    shown = min(target, max(1, round(target * length / wanted)))
    return 0, length, shown
  # A multiple of 2, 4, 8, … pixels can be halved quickly before resizing.
  step = 2 ** _halvings(extent, target)
  extent -= extent % step
  start = int(rng.integers(length - extent + 1))
  return start, start + extent, target


def draw_region(
  rng: np.random.Generator,
  stage: Stage,
  size: Size,
  *,
  network: Size,
  scale: float = 1.0,
) -> tuple[Region, Size]:
  """Draws a window of a stage, as a region of the full-size image.

  Args:
    rng: the random generator.
    stage: gives the magnification and the window.
    size: (height, width) of the image.
    network: (h, w) of the network's input.
    scale: how much more of the image than the stage's window is covered.

  Returns:
    The region, and its (height, width) at the network's input, which is less
    than `network` where the image ends.
  """
  axes = [
    _draw_axis(
      rng,
      size[axis],
      stage.grid.window[axis] * size[axis] / stage.size[axis] * scale,
      network[axis],
    )
    for axis in (0, 1)
  ]
  (top, bottom, height), (left, right, width) = axes
  return (top, bottom, left, right), (height, width)


def shrink(image: np.ndarray, size: Size) -> np.ndarray:
  """Resizes uint8 [H,W,3] by area averaging, faster than `resize.image`.

  Halving is several times faster than any other factor, so it comes first.
  Factors of 2, 4, 8, … give the same result up to rounding; with others, area
  boundaries shift by at most a quarter of a pixel of the result.
  """
  while all(
    image.shape[axis] % 2 == 0 and image.shape[axis] >= 4 * size[axis]
    for axis in (0, 1)
  ):
    image = resize.image(image, (image.shape[0] // 2, image.shape[1] // 2))
  return resize.image(image, size)


def cut(
  sample: Sample,
  region: Region,
  shown: Size,
  *,
  symmetry: Symmetry,
  network: Size,
) -> tuple[np.ndarray, np.ndarray]:
  """Cuts a region out, resizes it for the network and applies a symmetry.

  Args:
    sample: image and label.
    region: rows and columns of the image after `symmetry`.
    shown: (height, width) of the region in the result; the rest is padding.
    symmetry: applied to the image.
    network: (h, w) of the result.

  Returns:
    uint8 [h,w,3] and uint8 [h,w], aligned.
  """
  laid = symmetry.size((sample.image.shape[0], sample.image.shape[1]))
  top, bottom, left, right = symmetry.source(region, laid)
  size = symmetry.size(shown)
  image = shrink(sample.image[top:bottom, left:right], size)
  label = resize.label(labelled(sample)[top:bottom, left:right], size)
  return (
    pad(symmetry.apply(image), network),
    pad(symmetry.apply(label), network),
  )


def cut_window(
  image: np.ndarray,
  label: np.ndarray,
  corner: tuple[int, int],
  *,
  window: Size,
  network: Size,
) -> tuple[np.ndarray, np.ndarray]:
  """Cuts a window of a grid out and resizes it for the network.

  Args:
    image: uint8 [H,W,3].
    label: uint8 [H,W].
    corner: (top, left) of the window.
    window: its (height, width); may stick out.
    network: (h, w) of the result.

  Returns:
    uint8 [h,w,3] and uint8 [h,w], aligned.
  """
  top, left = corner
  piece = windows.cut(image, corner, window)
  own = pad(label[top : top + window[0], left : left + window[1]], window)
  return (
    resize.image(np.ascontiguousarray(piece), network),
    resize.label(np.ascontiguousarray(own), network),
  )


def draw_window(
  rng: np.random.Generator,
  sample: Sample,
  stages: dict[Size, tuple[Stage, ...]],
  *,
  network: Size,
  options: Augmentation,
  weights: Sequence[float] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
  """Draws one window of a random stage of a sample.

  Args:
    rng: the random generator.
    sample: image and label.
    stages: by image size, and by the transposed size if `rotate` is set.
    network: (h, w) of the result.
    options: the augmentation.
    weights: relative frequency of each stage, coarse to fine; None: equal.

  Returns:
    uint8 [h,w,3] and uint8 [h,w].
  """
  symmetry = augment.draw_symmetry(rng, options)
  size = symmetry.size((sample.image.shape[0], sample.image.shape[1]))
  stage = _draw_stage(rng, stages[size], weights)
  scale = augment.draw_scale(rng, options)
  region, shown = draw_region(rng, stage, size, network=network, scale=scale)
  image, label = cut(sample, region, shown, symmetry=symmetry, network=network)
  colours = augment.draw_colours(rng, options)
  return colours.apply(np.ascontiguousarray(image)), label


def _draw_stage(
  rng: np.random.Generator,
  stages: tuple[Stage, ...],
  weights: Sequence[float] | None,
) -> Stage:
  if weights is None:
    return stages[int(rng.integers(len(stages)))]
  # An image of fewer stages lacks the finest ones.
  share = np.asarray(weights[: len(stages)], np.float64)
  return stages[int(rng.choice(len(stages), p=share / share.sum()))]
