"""The four methods that are compared, with one segmenter for all."""

from collections.abc import Callable, Mapping
import dataclasses

import numpy as np

from magnet_jax.ops import resize, windows
from magnet_jax.segment.model import Model
from magnet_jax.segment.progressive import Cascade
from magnet_jax.types import InputError, Size

METHODS = ('downsample', 'patch', 'magnet', 'magnet-fast')


@dataclasses.dataclass(frozen=True)
class Method:
  """A way to segment a whole image.

  Attributes:
    name: one of METHODS.
    segment: uint8 [H,W,3] -> (float32 [H,W,C], windows the segmenter saw).
  """

  name: str
  segment: Callable[[np.ndarray], tuple[np.ndarray, int]]


def downsample(model: Model, cascade: Cascade) -> Method:
  """Stage 0 alone, resized to the image."""

  def segment(image: np.ndarray) -> tuple[np.ndarray, int]:
    plan = model.plan(_size(image))
    first = next(cascade.stages(image, plan))
    return resize.probabilities(first.probabilities, _size(image)), 1

  return Method('downsample', segment)


def patch(model: Model, cascade: Cascade, overlap: float) -> Method:
  """Windows at full size, overlapped and blended."""

  def segment(image: np.ndarray) -> tuple[np.ndarray, int]:
    window = model.plan(_size(image))[-1].grid.window
    grid = windows.make_grid(_size(image), window, overlap)
    return cascade.patches(image, grid), len(grid)

  return Method('patch', segment)


def progressive(model: Model, cascade: Cascade, name: str) -> Method:
  """All stages, coarse to fine."""

  def segment(image: np.ndarray) -> tuple[np.ndarray, int]:
    seen = 0
    for result in cascade.stages(image, model.plan(_size(image))):
      seen += len(result.windows)
    return result.probabilities, seen

  return Method(name, segment)


def make(
  model: Model, *, overlap: float = 0.25, fast: float | int = 0.25
) -> Mapping[str, Method]:
  """The four methods by name.

  Args:
    model: the networks.
    overlap: least shared part of neighbouring windows of 'patch'.
    fast: share (float) or count (int) of windows of 'magnet-fast'.

  Raises:
    InputError: if the model has no refiner.
  """
  if not model.refiners:
    raise InputError(
      'model without a refiner: the methods need both networks; train the '
      'refiner first'
    )
  everything = model.cascade()
  return {
    'downsample': downsample(model, everything),
    'patch': patch(model, everything, overlap),
    'magnet': progressive(model, everything, 'magnet'),
    'magnet-fast': progressive(
      model, model.cascade(windows=fast), 'magnet-fast'
    ),
  }


def warm_up(model: Model, size: Size) -> None:
  """Compiles all steps for images of a size, before anything is timed."""
  blank = np.zeros((*size, 3), np.uint8)
  cascade = model.cascade(windows=1)
  cascade.segment(blank, model.plan(size))
  window = model.plan(size)[-1].grid.window
  grid = windows.make_grid(window, window)
  cascade.patches(blank[: window[0], : window[1]], grid)


def _size(image: np.ndarray) -> Size:
  return image.shape[0], image.shape[1]
