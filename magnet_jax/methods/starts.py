"""Methods that others start from: what an image is cut to, and their map."""

from collections.abc import Callable

from magnet_jax.methods import downsample, magnet, multiscale, patch
from magnet_jax.methods.method import ALIGNED, FUSION, Method, Need
from magnet_jax.predict.model import Model
from magnet_jax.types import InputError

STARTS: dict[str, Callable[..., Method]] = {
  'downsample': downsample.make,
  'patch': patch.make,
  'multiscale': multiscale.make,
  'magnet': magnet.make,
}
_MODELS: dict[str, Callable[..., Model | None]] = {
  'downsample': downsample.as_model,
  'patch': patch.as_model,
  'magnet': magnet.as_model,
}
_NEEDS: dict[str, Need] = {'multiscale': ALIGNED, 'magnet': FUSION}
SETTINGS = ('start', 'overlap', 'scale')


def make(
  model: Model,
  *,
  start: str = 'patch',
  overlap: float = 0.25,
  scale: float = 1.0,
) -> Method:
  """Returns the method to start from.

  Args:
    model: the networks.
    start: a key of STARTS.
    overlap: of `patch`.
    scale: of `patch`.

  Raises:
    InputError: the start is unknown, the model cannot make it, or a setting is
      out of range.
  """
  _check(model, start)
  windows = {'overlap': overlap, 'scale': scale} if start == 'patch' else {}
  return STARTS[start](model, **windows)


def as_model(
  model: Model, *, start: str = 'patch', **windows: float
) -> Model | None:
  """Returns a model whose own cascade is the method to start from.

  Args:
    model: the networks.
    start: a key of STARTS.
    **windows: overlap and scale of `patch`.

  Returns:
    The model; None if the method is none of a cascade.

  Raises:
    InputError: as `make`.
  """
  _check(model, start)
  if start not in _MODELS:
    return None
  return _MODELS[start](model, **(windows if start == 'patch' else {}))


def _check(model: Model, start: str) -> None:
  if start not in STARTS:
    raise InputError(
      f'--start={start}: unknown; choose one of {", ".join(STARTS)}'
    )
  if start in _NEEDS and not _NEEDS[start].met(model):
    raise InputError(f'--start={start}: {_NEEDS[start].otherwise}')
