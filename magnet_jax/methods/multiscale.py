"""All magnifications, each on its own: the baseline of refinement."""

import numpy as np

from magnet_jax.methods.method import (
  Method,
  Watch,
  compile_windows,
  single,
  unwatched,
)
from magnet_jax.ops import area, resize
from magnet_jax.predict.model import Model
from magnet_jax.refiners.table import AUTO
from magnet_jax.types import Size


def make(model: Model) -> Method:
  """Returns the method: the equal mean of blended windows at every octave."""
  cascade = model.cascade(fusion=AUTO)

  def segment(
    image: np.ndarray, watch: Watch = unwatched
  ) -> tuple[np.ndarray, int]:
    size = (image.shape[0], image.shape[1])
    plan = model.whole_plan(size)
    # The finest first: its map becomes the sum, so only two are in memory.
    probabilities = cascade.patches(image, plan[-1].grid)
    for stage in plan[:-1]:
      maps = cascade.patches(area.shrink(image, stage.size), stage.grid)
      probabilities += resize.probabilities(maps, size)
    probabilities /= np.float32(len(plan))
    seen = sum(len(stage.grid) for stage in plan)
    watch(single(probabilities, seen))
    return probabilities, seen

  def warm_up(size: Size) -> None:
    for stage in model.whole_plan(size)[:2]:
      compile_windows(cascade, stage.grid)

  return Method(segment, warm_up)
