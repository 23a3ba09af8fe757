"""Windows at full size: details are complete, the context is lost."""

import numpy as np

from magnet_jax.methods.method import Method, Watch, blank, single, unwatched
from magnet_jax.ops import windows
from magnet_jax.predict.model import Model
from magnet_jax.refiners.table import AUTO
from magnet_jax.types import Size


def make(model: Model, *, overlap: float = 0.25) -> Method:
  """Returns the method: windows at full size, overlapped and blended.

  Args:
    model: the networks.
    overlap: least shared fraction of neighbouring windows, in [0, 1).
  """
  cascade = model.cascade(fusion=AUTO)

  def segment(
    image: np.ndarray, watch: Watch = unwatched
  ) -> tuple[np.ndarray, int]:
    size = (image.shape[0], image.shape[1])
    grid = windows.make_grid(size, model.plan(size)[-1].grid.window, overlap)
    probabilities = cascade.patches(image, grid)
    watch(single(probabilities, len(grid)))
    return probabilities, len(grid)

  def warm_up(size: Size) -> None:
    window = model.plan(size)[-1].grid.window
    cascade.patches(blank(window), windows.make_grid(window, window))

  return Method(segment, warm_up)
