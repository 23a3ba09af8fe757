"""The interface of methods, and what they may need of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
import dataclasses
from typing import Protocol

import numpy as np

from magnet_jax.cascade.cascade import Cascade, StageResult
from magnet_jax.cascade.policy import Planner
from magnet_jax.filters.table import Filter
from magnet_jax.ops import windows
from magnet_jax.predict.model import Model
from magnet_jax.refiners import table
from magnet_jax.types import Size, Stage, WindowGrid

Watch = Callable[[StageResult], None]
# Settings of `refine` with which all windows are segmented, and no more.
_PLAIN = {
  'fusion': table.AUTO,
  'windows': 1.0,
  'selection': 'window',
  'min_uncertainty': 0.0,
  'mix': 0.0,
  'filter_radius': 0,
}


def unwatched(result: StageResult) -> None:
  """Ignores a stage's result."""


class Segment(Protocol):
  """Segments an image by one method."""

  def __call__(
    self, image: np.ndarray, watch: Watch = unwatched
  ) -> tuple[np.ndarray, int]:
    """Segments an image.

    Args:
      image: uint8 [H,W,3].
      watch: called with the result of each stage, the last of which is the
        method's own; the time it takes counts as the method's.

    Returns:
      float32 [H,W,C], and how many windows the segmenter processed.
    """


@dataclasses.dataclass(frozen=True)
class Method:
  """A way to segment a whole image with the networks of one model.

  Attributes:
    segment: segments an image.
    warm_up: compiles whatever images of a size (height, width) need.
    notes: what the user should know of images that were segmented, as ends of
      a sentence that begins with 'an image'; added while they are.
  """

  segment: Segment
  warm_up: Callable[[Size], None]
  notes: set[str] = dataclasses.field(default_factory=set)


@dataclasses.dataclass(frozen=True)
class Need:
  """What a model must have for a method.

  Attributes:
    met: whether a model has it.
    otherwise: the problem of a model that does not have it, and the remedy.
  """

  met: Callable[[Model], bool]
  otherwise: str


FUSION = Need(
  lambda model: (
    bool(model.refiners)
    or (
      model.pipeline == 'aligned'
      and not table.is_trained(model.settings['refine'].get('fusion', ''))
    )
  ),
  'the model has no refiner, which its fusion needs; train one, give '
  '--refiner=RUN, or --fusion=mean and --pipeline=aligned',
)
TUNED = Need(
  lambda model: model.settings['plan'].get('patch_scale', 0) > 0,
  'its scale is not known, as it is chosen on labelled images; run magnet-jax '
  'tune, or give patch a --scale=X',
)
ALIGNED = Need(
  lambda model: model.pipeline == 'aligned',
  'the released pipeline has no such method; use --pipeline=aligned',
)


@dataclasses.dataclass(frozen=True)
class Factory:
  """Makes a method of a model: a row of the table of methods.

  Attributes:
    make: (model, **settings) -> Method.
    about: what the method does, as a line of the help.
    needs: what the model must have.
    settings: the keyword arguments of `make` that a user may choose.
    usual: whether it is made where no method is named.
    as_model: (model, **settings) -> a model whose own cascade does the method,
      on images of any size; None if there is none.
    corrects: (model) -> the filter that corrects another method's map; None if
      it is no filter.
  """

  make: Callable[..., Method]
  about: str
  needs: tuple[Need, ...] = ()
  settings: tuple[str, ...] = ()
  usual: bool = True
  as_model: Callable[..., Model | None] = lambda model, **settings: None
  corrects: Callable[[Model], Filter] | None = None

  def __call__(self, model: Model, **settings: object) -> Method:
    """Makes the method."""
    return self.make(model, **settings)


def plain(model: Model, planner: Planner) -> Model | None:
  """Returns a model whose cascade segments the windows of other stages alone.

  Args:
    model: the networks.
    planner: plans a stage with windows, and one without if that is smaller
      than the image.

  Returns:
    The model; None for the released pipeline, whose first stage differs.
  """
  if model.pipeline != 'aligned':
    return None
  refine = {**model.settings['refine'], **_PLAIN}
  return dataclasses.replace(
    model, settings={**model.settings, 'refine': refine}, planner=planner
  )


def warm_up(methods: Iterable[Method], size: Size) -> None:
  """Compiles all steps for images of a size, before anything is timed."""
  # Methods that share steps share the function that compiles them.
  for compile_steps in dict.fromkeys(each.warm_up for each in methods):
    compile_steps(size)


def compile_windows(cascade: Cascade, grid: WindowGrid) -> None:
  """Compiles the step that segments the windows of a grid on their own."""
  height, width = grid.window
  # A single window is not padded to a batch, and so has a step of its own.
  size = height, width * min(len(grid), 2)
  cascade.patches(blank(size), windows.make_grid(size, grid.window))


def blank(size: Size) -> np.ndarray:
  """Returns a black image, uint8 [H,W,3], to compile with."""
  return np.zeros((*size, 3), np.uint8)


def single(probabilities: np.ndarray, seen: int) -> StageResult:
  """Returns the stage result of a method without stages.

  Args:
    probabilities: float32 [H,W,C], its result.
    seen: how many windows the segmenter processed.
  """
  size = (probabilities.shape[0], probabilities.shape[1])
  whole = Stage(0, windows.make_grid(size, size))
  return StageResult(whole, probabilities, None, tuple(range(seen)))
