"""Methods that others start from: what an image is cut to, and their map."""

from collections.abc import Callable

from magnet_jax.methods import downsample, multiscale, patch
from magnet_jax.methods.method import ALIGNED, Method
from magnet_jax.predict.model import Model
from magnet_jax.types import InputError

STARTS: dict[str, Callable[..., Method]] = {
  'downsample': downsample.make,
  'patch': patch.make,
  'multiscale': multiscale.make,
}
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
  if start == 'multiscale' and not ALIGNED.met(model):
    raise InputError(f'--start={start}: {ALIGNED.otherwise}')
  windows = {'overlap': overlap, 'scale': scale} if start == 'patch' else {}
  return STARTS[start](model, **windows)
