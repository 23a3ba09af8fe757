"""The four methods that are compared, with one segmenter for all."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses

import numpy as np

from magnet_jax.ops import resize, windows
from magnet_jax.predict.model import AnyCascade, Model
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


def downsample(model: Model, cascade: AnyCascade) -> Method:
  """Stage 0 alone, resized to the image."""

  def segment(image: np.ndarray) -> tuple[np.ndarray, int]:
    plan = model.plan(_size(image))
    first = next(cascade.stages(image, plan))
    return resize.probabilities(first.probabilities, _size(image)), 1

  return Method('downsample', segment)


def patch(model: Model, cascade: AnyCascade, overlap: float) -> Method:
  """Windows at full size, overlapped and blended."""

  def segment(image: np.ndarray) -> tuple[np.ndarray, int]:
    window = model.plan(_size(image))[-1].grid.window
    grid = windows.make_grid(_size(image), window, overlap)
    return cascade.patches(image, grid), len(grid)

  return Method('patch', segment)


def progressive(model: Model, cascade: AnyCascade, name: str) -> Method:
  """All stages, coarse to fine."""

  def segment(image: np.ndarray) -> tuple[np.ndarray, int]:
    seen = 0
    for result in cascade.stages(image, model.plan(_size(image))):
      seen += len(result.windows)
    return result.probabilities, seen

  return Method(name, segment)


def make(
  model: Model,
  names: Sequence[str] = METHODS,
  *,
  overlap: float = 0.25,
  fast: float | int = 0.25,
) -> Mapping[str, Method]:
  """Methods by name.

  Args:
    model: the networks.
    names: of METHODS.
    overlap: least shared part of neighbouring windows of 'patch'.
    fast: share (float) or count (int) of windows of 'magnet-fast'.

  Raises:
    InputError: for an unknown name, or a method that the model cannot do:
      without a refiner those of MagNet, released 'magnet-fast'.
  """
  _check(model, names)
  everything = model.cascade()
  makers = {
    'downsample': lambda: downsample(model, everything),
    'patch': lambda: patch(model, everything, overlap),
    'magnet': lambda: progressive(model, everything, 'magnet'),
    'magnet-fast': lambda: progressive(
      model, model.cascade(windows=fast), 'magnet-fast'
    ),
  }
  return {name: makers[name]() for name in names}


def _check(model: Model, names: Sequence[str]) -> None:
  for name in names:
    if name not in METHODS:
      raise InputError(
        f'--methods={name}: unknown; choose from {", ".join(METHODS)}'
      )
    if name in ('magnet', 'magnet-fast') and not model.refiners:
      raise InputError(
        f'{name}: the model has no refiner, which it needs; train one, give '
        '--refiner=RUN, or choose --methods=downsample,patch'
      )
    if name == 'magnet-fast' and model.pipeline == 'released':
      raise InputError(
        'magnet-fast: the released pipeline has none, as its published form '
        'leaves out the windows that it refines; choose '
        '--methods=downsample,patch,magnet'
      )


def warm_up(model: Model, size: Size) -> None:
  """Compiles all steps for images of a size, before anything is timed."""
  blank = np.zeros((*size, 3), np.uint8)
  plan = model.plan(size)
  if not model.refiners:
    cascade = model.cascade()
    next(cascade.stages(blank, plan))
  else:
    # One window a stage will do, where a pipeline can leave any out.
    few = {'windows': 1} if model.pipeline == 'aligned' else {}
    cascade = model.cascade(**few)
    cascade.segment(blank, plan)
  window = plan[-1].grid.window
  grid = windows.make_grid(window, window)
  cascade.patches(blank[: window[0], : window[1]], grid)


def _size(image: np.ndarray) -> Size:
  return image.shape[0], image.shape[1]
