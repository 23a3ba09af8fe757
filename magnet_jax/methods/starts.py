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
  if start not in STARTS:
    raise InputError(
      f'--start={start}: unknown; choose one of {", ".join(STARTS)}'
    )
  if start in _NEEDS and not _NEEDS[start].met(model):
    raise InputError(f'--start={start}: {_NEEDS[start].otherwise}')
  windows = {'overlap': overlap, 'scale': scale} if start == 'patch' else {}
  return STARTS[start](model, **windows)
