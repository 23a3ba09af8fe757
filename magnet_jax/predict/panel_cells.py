"""The single pictures of a panel, drawn at the size at which they are shown.

Nothing here copies a full-size map: labels are sampled, images and masks
averaged, directly to the cell.
"""

from __future__ import annotations

from collections.abc import Sequence
import itertools

import cv2
import numpy as np

from magnet_jax.predict import pictures
from magnet_jax.types import ClassTable, Size

Window = tuple[int, int, int, int]  # top, left, height, width

POINT: pictures.Colour = (255, 176, 0)
MISTAKE: pictures.Colour = (224, 36, 36)
_OVERSAMPLE = 3  # labels are painted this many times larger, then averaged


def fit(size: Size, longest: int) -> Size:
  """Returns the size of the same shape whose longer side is `longest`."""
  scale = longest / max(size)
  return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def sample(
  label: np.ndarray, image_size: Size, window: Window, size: Size
) -> np.ndarray:
  """Samples nearest values of a label map that may be coarser than its image.

  Args:
    label: [h,w].
    image_size: of the image that the map covers.
    window: in pixels of the image.
    size: of the result.

  Returns:
    Values at the centres of `size` equal parts of the window.
  """
  axes = []
  for axis in (0, 1):
    centres = (np.arange(size[axis]) + 0.5) * window[2 + axis] / size[axis]
    places = (window[axis] + centres) * label.shape[axis] / image_size[axis]
    axes.append(np.minimum(places.astype(np.intp), label.shape[axis] - 1))
  return label[np.ix_(*axes)]


def whole(size: Size) -> Window:
  """Returns the window that covers an image."""
  return 0, 0, *size


def segmentation(
  label: np.ndarray,
  classes: ClassTable,
  image_size: Size,
  window: Window,
  size: Size,
) -> np.ndarray:
  """Paints a window in the classes' colours, averaged: uint8 [h,w,3]."""
  fine = (size[0] * _OVERSAMPLE, size[1] * _OVERSAMPLE)
  colours = pictures.colourise(sample(label, image_size, window, fine), classes)
  return _area(colours, size)


def photograph(image: np.ndarray, window: Window, size: Size) -> np.ndarray:
  """Averages a window of the image to a size: uint8 [h,w,3]."""
  top, left, height, width = window
  part = image[top : top + height, left : left + width]
  return _area(part, size)


def uncertainty(values: np.ndarray, size: Size) -> np.ndarray:
  """Paints a map of uncertainty as heat: uint8 [h,w,3]."""
  return pictures.heat(_area(values, size))


def points(mask: np.ndarray, background: np.ndarray) -> np.ndarray:
  """Paints points in yellow on the dimmed background, uint8 [h,w,3]."""
  height, width = background.shape[:2]
  bounds = np.arange(height + 1) * len(mask) // height
  # One row of the cell at a time: in float the mask is as large as the image.
  density = np.concatenate(
    [
      _area(mask[a : max(b, a + 1)].astype(np.float32), (1, width))
      for a, b in itertools.pairwise(bounds)
    ]
  )
  # A single point among the hundred that share a pixel must remain visible.
  strength = np.where(density > 0, 0.25 + 0.75 * np.sqrt(density), 0)
  return _blend(_dimmed(background), POINT, strength)


def mistakes(
  label: np.ndarray,
  truth: np.ndarray,
  num_classes: int,
  window: Window,
  background: np.ndarray,
) -> tuple[np.ndarray, float]:
  """Paints where the label is wrong in red, and computes the share of it.

  Args:
    label: uint8 [h,w].
    truth: uint8 [H,W], of the image's size; unlabelled pixels are not wrong.
    num_classes: C.
    window: in pixels of the image.
    background: uint8 [h,w,3], the window of the image at the cell's size.

  Returns:
    uint8 [h,w,3], and the share of the labelled pixels that are wrong, in 0..1
    (NaN if nothing is labelled).
  """
  size = (background.shape[0], background.shape[1])
  fine = (size[0] * _OVERSAMPLE, size[1] * _OVERSAMPLE)
  image_size = (truth.shape[0], truth.shape[1])
  right = sample(truth, image_size, window, fine)
  labelled = right < num_classes
  wrong = (sample(label, image_size, window, fine) != right) & labelled
  share = wrong.sum() / labelled.sum() if labelled.any() else np.nan
  strength = _area(wrong.astype(np.float32), size)
  return _blend(_dimmed(background), MISTAKE, np.sqrt(strength)), float(share)


def marked(
  codes: np.ndarray,
  colours: Sequence[pictures.Colour],
  background: np.ndarray,
) -> np.ndarray:
  """Paints areas on the dimmed background.

  Args:
    codes: integers [a*h,b*w]: 0 where nothing is painted, else 1 + the number
      of a colour.
    colours: any number.
    background: uint8 [h,w,3].
  """
  size = (background.shape[0], background.shape[1])
  share = _area((codes > 0).astype(np.float32), size)[..., None]
  palette = np.array([(0, 0, 0), *colours], np.float32)
  # Colours are averaged over painted pixels only, so their edges stay bright.
  mixed = _area(palette[codes], size) / np.maximum(share, 1e-6)
  strength = np.sqrt(share)
  picture = _dimmed(background) * (1 - strength) + mixed * strength
  return (picture + 0.5).astype(np.uint8)


def busiest_window(
  first: np.ndarray, last: np.ndarray, image_size: Size, size: Size
) -> Window:
  """Finds the window of a size where two label maps differ most, near edges.

  A difference at an edge of `last` counts three times, so that the window does
  not fall into an area that changed completely and shows nothing. Without any
  difference only the edges decide.
  """
  coarse = fit(image_size, min(1024, max(image_size)))
  all_of_it = whole(image_size)
  before = sample(first, image_size, all_of_it, coarse)
  after = sample(last, image_size, all_of_it, coarse)
  edge = pictures.edges(after, 2).astype(np.float32)
  changed = (before != after).astype(np.float32)
  interest = changed * (1 + 2 * edge) if changed.any() else edge
  extent = [
    max(1, round(size[axis] * coarse[axis] / image_size[axis]))
    for axis in (0, 1)
  ]
  mean = cv2.boxFilter(
    interest, -1, (extent[1], extent[0]), borderType=cv2.BORDER_CONSTANT
  )
  centre = np.unravel_index(int(mean.argmax()), mean.shape)
  corner = []
  for axis in (0, 1):
    middle = (int(centre[axis]) + 0.5) * image_size[axis] / coarse[axis]
    start = round(middle - size[axis] / 2)
    corner.append(max(0, min(start, image_size[axis] - size[axis])))
  return corner[0], corner[1], size[0], size[1]


def _area(values: np.ndarray, size: Size) -> np.ndarray:
  """Averages down to `size`; repeats pixels if it is larger."""
  smaller = size[0] <= values.shape[0] and size[1] <= values.shape[1]
  rule = cv2.INTER_AREA if smaller else cv2.INTER_NEAREST
  return cv2.resize(values, (size[1], size[0]), interpolation=rule)


def _dimmed(background: np.ndarray) -> np.ndarray:
  grey = cv2.cvtColor(background, cv2.COLOR_RGB2GRAY)
  return np.repeat((grey[..., None] * 0.45).astype(np.uint8), 3, axis=-1)


def _blend(
  picture: np.ndarray, colour: pictures.Colour, strength: np.ndarray
) -> np.ndarray:
  """Mixes a colour into the picture by strength float [h,w] in 0..1."""
  share = strength[..., None].astype(np.float32)
  mixed = picture * (1 - share) + np.array(colour, np.float32) * share
  return (mixed + 0.5).astype(np.uint8)
