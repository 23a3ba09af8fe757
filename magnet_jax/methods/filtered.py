"""A finished map that is corrected by a filter of the image."""

import numpy as np

from magnet_jax.filters.table import Filter
from magnet_jax.methods import starts
from magnet_jax.methods.method import Method, Watch, single, unwatched
from magnet_jax.predict.model import Model


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
    start: the method whose map is filtered, as for `starts.make`.
    overlap: of `patch`.
    scale: of `patch`.
    **settings: keyword arguments of the filter.

  Raises:
    InputError: the start is unknown, the model cannot make it, or a setting is
      out of range.
  """
  first = starts.make(model, start=start, overlap=overlap, scale=scale)
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
