"""The cascade: all stages, coarse to fine, on all or only some windows."""

import functools

import numpy as np

from magnet_jax.cascade.cascade import Cascade
from magnet_jax.methods.method import Method, Segment, Watch, blank, unwatched
from magnet_jax.predict.model import Model
from magnet_jax.predict.way import Way
from magnet_jax.types import Size, Windows

_HALF = 'half'  # name of a budget
_SHARE = 0.25


def make(model: Model, *, windows: Windows | None = None) -> Method:
  """Returns the method.

  Args:
    model: the networks, with a refiner.
    windows: how many windows are refined, as a share (float) of all or a
      count (int) per stage; None keeps the model's own setting.
  """
  changes = {} if windows is None else {'windows': windows}
  return Method(
    with_cascade(model, model.cascade(**changes)),
    functools.partial(warm_up, model),
  )


def fast(model: Model, *, windows: Windows | None = None) -> Method:
  """Returns the method on some windows only.

  Args:
    model: the networks.
    windows: as for `make`; None takes the way that was chosen for half of the
      time of blended windows at full size, or a quarter of the windows.
  """
  if windows is None and _HALF in model.ways:
    return make(model.with_way(model.ways[_HALF]))
  return make(model, windows=_SHARE if windows is None else windows)


def as_model(model: Model, *, windows: Windows | None = None) -> Model:
  """Returns a model whose own cascade is the method, as for `make`."""
  return model if windows is None else _on_windows(model, windows)


def fast_as_model(model: Model, *, windows: Windows | None = None) -> Model:
  """Returns a model whose own cascade is the method, as for `fast`."""
  if windows is None and _HALF in model.ways:
    return model.with_way(model.ways[_HALF])
  return _on_windows(model, _SHARE if windows is None else windows)


def _on_windows(model: Model, windows: Windows) -> Model:
  return model.with_way(Way({}, {'windows': windows}))


def with_cascade(model: Model, cascade: Cascade) -> Segment:
  """Returns the function that runs all stages of a cascade.

  Args:
    model: plans the stages.
    cascade: of the model, with any options.
  """

  def segment(
    image: np.ndarray, watch: Watch = unwatched
  ) -> tuple[np.ndarray, int]:
    plan = model.plan((image.shape[0], image.shape[1]))
    seen = 0
    for result in cascade.stages(image, plan):
      seen += len(result.windows)
      watch(result)
    return result.probabilities, seen

  return segment


def warm_up(model: Model, size: Size) -> None:
  """Compiles the steps of all stages for images of a size."""
  # One window per stage is enough, where windows can be left out.
  few = {'windows': 1} if model.pipeline == 'aligned' else {}
  model.cascade(**few).segment(blank(size), model.plan(size))
