"""The whole image at once: details are lost, the context is complete."""

import numpy as np

from magnet_jax.methods.method import Method, Watch, blank, single, unwatched
from magnet_jax.ops import resize
from magnet_jax.predict.model import Model
from magnet_jax.refiners.table import AUTO
from magnet_jax.types import Size


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
