"""The table of filters: a new one is a file in this folder and a row here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import dataclasses

import numpy as np

from magnet_jax.filters import dense_crf, fast_guided, guided
from magnet_jax.filters.bands import Image
from magnet_jax.types import Size


@dataclasses.dataclass(frozen=True)
class Filter:
  """A way to correct a finished map by its image: a row of the table.

  Attributes:
    apply: (image uint8 [H,W,3], probabilities float32 [H,W,C], **settings) ->
      probabilities float32 [H,W,C], which sum to 1.
    about: what it does, as a line of the help.
    settings: the keyword arguments of `apply` that a user may choose.
    bands: (image, read, **settings) -> bands of the result from top to bottom,
      where read(first, last) returns rows of the probabilities; None if the
      filter needs them as a whole.
    note: (image) -> what the user should know of this filter on it, or ''.
    for_labels: settings of a map that is a label, unless the user chooses.
    start: the method whose map it takes, unless the user chooses.
    num_classes: of the maps that it takes; None: any number.
    warm_up: compiles what images of a size (height, width) need.
    takes: bytes that `bands` take, whatever the width of the image.
  """

  apply: Callable[..., np.ndarray]
  about: str
  settings: tuple[str, ...] = ()
  bands: Callable[..., Iterator[np.ndarray]] | None = None
  note: Callable[[Image], str] = lambda image: ''
  for_labels: Mapping[str, object] = dataclasses.field(default_factory=dict)
  start: str = 'patch'
  num_classes: int | None = None
  warm_up: Callable[[Size], None] = lambda size: None
  takes: int = 0

  def check(self, settings: Mapping[str, object]) -> None:
    """Raises InputError for values that `apply` refuses, by trying them."""
    if settings:
      shape = (1, 1, self.num_classes or 1)
      maps = np.full(shape, 1 / shape[-1], np.float32)
      self.apply(np.zeros((1, 1, 3), np.uint8), maps, **settings)


FILTERS: dict[str, Filter] = {
  'guided': Filter(
    guided.guided,
    'a local linear model of each class in the colours of the image',
    ('radius', 'eps'),
    guided.guided_bands,
    guided.note,
  ),
  'fast-guided': Filter(
    fast_guided.fast_guided,
    'the same, with models that are found on a reduced image',
    ('radius', 'eps'),
    fast_guided.fast_guided_bands,
    guided.note,
  ),
  'dense-crf': Filter(
    dense_crf.dense_crf,
    'each pixel agrees with all near it and all of its colour, within limits',
    ('bilateral_weight', 'bilateral_sigma', 'colour_sigma', 'certainty'),
    dense_crf.dense_crf_bands,
    # Certain labels would all stay.
    for_labels={'certainty': 0.7},
    takes=3_000_000_000,
  ),
}
