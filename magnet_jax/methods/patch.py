"""Windows of one scale: its details are complete, the context is lost."""

import numpy as np

from magnet_jax.cascade import settings
from magnet_jax.cascade.policy import Planner
from magnet_jax.methods.method import (
  Method,
  Watch,
  compile_windows,
  plain,
  single,
  unwatched,
)
from magnet_jax.ops import area, resize
from magnet_jax.predict.model import Model
from magnet_jax.refiners.table import AUTO
from magnet_jax.types import InputError, Size, WindowGrid


def make(model: Model, *, overlap: float = 0.25, scale: float = 1.0) -> Method:
  """Returns the method: windows of the image, overlapped and blended.

  Args:
    model: the networks.
    overlap: least shared fraction of neighbouring windows, in [0, 1).
    scale: of a side, in (0, 1], to which the image is reduced before it is
      cut; the result is enlarged. Images are not reduced below one window.

  Raises:
    InputError: the scale or the overlap is out of range.
  """
  plan_for = _planner(model, overlap, scale)
  cascade = model.cascade(fusion=AUTO)

  def grid_of(size: Size) -> WindowGrid:
    return plan_for(size)[0].grid

  def segment(
    image: np.ndarray, watch: Watch = unwatched
  ) -> tuple[np.ndarray, int]:
    size = (image.shape[0], image.shape[1])
    grid = grid_of(size)
    probabilities = cascade.patches(area.shrink(image, grid.size), grid)
    if grid.size != size:
      probabilities = resize.probabilities(probabilities, size)
    watch(single(probabilities, len(grid)))
    return probabilities, len(grid)

  def warm_up(size: Size) -> None:
    compile_windows(cascade, grid_of(size))

  return Method(segment, warm_up)


def as_model(
  model: Model, *, overlap: float = 0.25, scale: float = 1.0
) -> Model | None:
  """Returns a model whose own cascade is the method, as for `make`."""
  return plain(model, _planner(model, overlap, scale))


def _planner(model: Model, overlap: float, scale: float) -> Planner:
  """Plans one stage, whatever stages the model has."""
  if not 0 < scale <= 1:
    raise InputError(
      f'--scale={scale}: must be the scale of a side in (0, 1]; 1 is full size'
    )
  one = {'first': scale, 'last': scale, 'scales': (), 'stages': 0}
  return settings.planner({**model.settings['plan'], **one, 'overlap': overlap})


def best(model: Model, *, overlap: float = 0.25) -> Method:
  """Returns the method at the scale that was chosen for the model on val."""
  return make(
    model, overlap=overlap, scale=model.settings['plan']['patch_scale']
  )


def best_as_model(model: Model, *, overlap: float = 0.25) -> Model | None:
  """Returns a model whose own cascade is `best`."""
  return as_model(
    model, overlap=overlap, scale=model.settings['plan']['patch_scale']
  )
