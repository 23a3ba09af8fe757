"""A finished map that is corrected by a filter of the image, or a corrector."""

from typing import Any

import numpy as np

from magnet_jax.filters.table import Filter
from magnet_jax.methods import starts
from magnet_jax.methods.method import Method, Need, Watch, single, unwatched
from magnet_jax.predict.model import Model
from magnet_jax.types import Size


def make(
  corrects: Filter,
  model: Model,
  *,
  start: str | None = None,
  overlap: float = 0.25,
  scale: float = 1.0,
  **settings: object,
) -> Method:
  """Returns the method: the map of another one, filtered.

  Args:
    corrects: the filter.
    model: the networks.
    start: the method whose map is filtered, as for `starts.make`; None for
      the filter's own.
    overlap: of `patch`.
    scale: of `patch`.
    **settings: keyword arguments of the filter.

  Raises:
    InputError: the start is unknown, the model cannot make it, or a setting is
      out of range.
  """
  first = starts.make(
    model, start=start or corrects.start, overlap=overlap, scale=scale
  )
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

  def warm_up(size: Size) -> None:
    first.warm_up(size)
    corrects.warm_up(size)

  return Method(segment, warm_up, notes)


def given(corrects: Filter, model: Model) -> Filter:
  """Returns a filter that every model has."""
  del model
  return corrects


def of_model(name: str, model: Model) -> Filter:
  """Returns the filter of a model's corrector, which it has."""
  return model.correctors[name]


def trained(name: str, model: Model, **settings: Any) -> Method:
  """Returns the method of a model's corrector.

  Args:
    name: a key of `correctors.CORRECTORS`, which the model has.
    model: the networks.
    **settings: as for `make`.
  """
  return make(of_model(name, model), model, **settings)


def need(name: str) -> Need:
  """Returns that a model has a corrector."""
  return Need(
    lambda model: name in model.correctors,
    'the model has no weights for it; give --correctors=RUN of a run that has, '
    f'or train them by magnet-jax train --stage={name} --workdir=RUN, with the '
    '--config of the run',
  )
