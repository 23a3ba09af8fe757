"""PointRend: a head decides the points at which a window's map is unsure."""

import dataclasses
import functools
import inspect

import jax

from magnet_jax.methods import starts
from magnet_jax.methods.method import Method, Need
from magnet_jax.predict import networks
from magnet_jax.predict.model import Model
from magnet_jax.types import InputError

HEAD_POINTS = 8192


def make(
  model: Model,
  *,
  head_points: int = HEAD_POINTS,
  start: str = 'patch',
  overlap: float = 0.25,
  scale: float = 1.0,
) -> Method:
  """Returns the method: another one, on windows that the head has refined.

  Args:
    model: the networks; its segmenter has a point head.
    head_points: N, how many points of a window the head decides each time that
      the coarse map is enlarged by 2; all of them in maps with fewer.
    start: what an image is cut to, as for `starts.make`.
    overlap: of `patch`.
    scale: of `patch`.

  Raises:
    InputError: a setting is unknown or out of range.
  """
  return starts.make(
    _deciding(model, head_points, start),
    start=start,
    overlap=overlap,
    scale=scale,
  )


def as_model(
  model: Model,
  *,
  head_points: int = HEAD_POINTS,
  start: str = 'patch',
  **windows: float,
) -> Model | None:
  """Returns a model whose own cascade is the method, as for `make`."""
  decides = _deciding(model, head_points, start)
  return starts.as_model(decides, start=start, **windows)


def _deciding(model: Model, head_points: int, start: str) -> Model:
  """Returns the model with a segmenter whose head decides points."""
  if head_points < 1:
    raise InputError(
      f'--head_points={head_points}: must be at least 1; without the head, '
      f'choose method {start}'
    )
  network = model.segmenter
  assert isinstance(network, jax.tree_util.Partial)
  decides = jax.tree_util.Partial(
    functools.partial(network.func, decided=head_points), *network.args
  )
  return dataclasses.replace(model, segmenter=decides)


def _has_head(model: Model) -> bool:
  """Returns whether the segmenter is a module that can decide points."""
  module = networks.module_of(model.segmenter)
  return callable(module) and 'decided' in inspect.signature(module).parameters


HEAD = Need(
  _has_head,
  'its segmenter has no point head; train one by magnet-jax train '
  '--config=pointrend, or with segmenter.name=pointrend in a config',
)
