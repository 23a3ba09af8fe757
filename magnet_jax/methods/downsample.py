"""The whole image at once: details are lost, the context is complete."""

import numpy as np

from magnet_jax.methods.method import (
  Method,
  Watch,
  blank,
  plain,
  single,
  unwatched,
)
from magnet_jax.ops import resize
from magnet_jax.predict.model import Model
from magnet_jax.refiners.table import AUTO
from magnet_jax.types import Size, Stage, WindowGrid


def make(model: Model) -> Method:
  """Returns the method: stage 0 only, resized to the image."""
  cascade = model.cascade(fusion=AUTO)

  def segment(
    image: np.ndarray, watch: Watch = unwatched
  ) -> tuple[np.ndarray, int]:
    size = (image.shape[0], image.shape[1])
    first = next(cascade.stages(image, model.whole_plan(size)))
    probabilities = resize.probabilities(first.probabilities, size)
    watch(single(probabilities, 1))
    return probabilities, 1

  def warm_up(size: Size) -> None:
    next(cascade.stages(blank(size), model.whole_plan(size)))

  return Method(segment, warm_up)


def as_model(model: Model) -> Model | None:
  """Returns a model whose own cascade is the method."""

  def planner(size: Size) -> tuple[Stage, ...]:
    first = model.whole_plan(size)[0]
    if first.size == size:
      return (first,)
    return first, Stage(1, WindowGrid(size, first.grid.window, (), ()))

  return plain(model, planner)
