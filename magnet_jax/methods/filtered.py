"""A finished map that is corrected by a filter of the image."""

from collections.abc import Callable

import numpy as np

from magnet_jax.filters.table import Filter
from magnet_jax.methods import downsample, multiscale, patch
from magnet_jax.methods.method import (
  ALIGNED,
  Method,
  Watch,
  single,
  unwatched,
)
from magnet_jax.predict.model import Model
from magnet_jax.types import InputError

# Methods whose map can be filtered.
STARTS: dict[str, Callable[..., Method]] = {
  'downsample': downsample.make,
  'patch': patch.make,
  'multiscale': multiscale.make,
}
SETTINGS = ('start', 'overlap', 'scale')


def make(
  corrects: Filter,
  model: Model,
  *,
  start: str = 'patch',
  overlap: float = 0.25,
  scale: float = 1.0,
  **settings: object,
) -> Method:
  """Returns the method: the map of another one, filtered.

  Args:
    corrects: the filter.
    model: the networks.
    start: a key of STARTS, the method whose map is filtered.
    overlap: of `patch`.
    scale: of `patch`.
    **settings: keyword arguments of the filter.

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
  first = STARTS[start](model, **windows)
  # Wrong settings are found now, not after hours of segmenting.
  corrects.check(settings)

  notes: set[str] = set()

  def segment(
    image: np.ndarray, watch: Watch = unwatched
  ) -> tuple[np.ndarray, int]:
    probabilities, seen = first.segment(image)
    probabilities = corrects.apply(image, probabilities, **settings)
    if note := corrects.note(image):
      notes.add(note)
    watch(single(probabilities, seen))
    return probabilities, seen

  return Method(segment, first.warm_up, notes)
