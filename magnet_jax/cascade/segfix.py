"""SegFix as a corrector: labels near outlines are taken from further inside."""

from collections.abc import Iterator, Mapping
import dataclasses
import functools
from typing import Any

import jax
import numpy as np

from magnet_jax.cascade.offset_maps import OffsetMaps
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.filters.bands import PIXELS, Read
from magnet_jax.models import build
from magnet_jax.ops import offsets
from magnet_jax.refiners.corrector import Call, Corrector, Map, Trained
from magnet_jax.types import InputError, Size

WINDOW = (512, 512)


def make(
  *,
  num_classes: int,
  window: Size = WINDOW,
  start: str = 'patch',
  **network: Any,
) -> Corrector:
  """Returns the corrector without variables.

  Args:
    num_classes: C, of which the network is independent.
    window: (h, w) of the network's input.
    start: the method whose maps are corrected to validate it.
    **network: settings of `build.directions`.

  Raises:
    InputError: a setting is out of range, or unknown to the network.
  """
  del num_classes
  if min(window) < 1:
    raise InputError(
      f'window {window}: must be at least 1 pixel; {WINDOW} is the default'
    )
  certainty = network.get('certainty', 0)
  if isinstance(certainty, int | float) and not 0 <= certainty <= 1:
    raise InputError(
      f'certainty {certainty:g}: must be from 0, which moves every label near '
      'an outline, to 1'
      '; correct it'
    )
  return Corrector(
    build.directions(**network),
    {'images': np.zeros((1, 64, 64, 3), np.float32)},
    start,
    correct=functools.partial(correct, window=window),
    any_classes=True,
    calls={'': _call(network)},
  )


def _call(network: Mapping[str, Any]) -> Call:
  """The network as other programs run it.

  They decide whether directions are certain: what decides turns the least
  difference of rounding into a large one.
  """
  plain = build.directions(**{**network, 'certainty': 0.0})

  def run(variables: Any, images: jax.Array) -> Any:
    return plain.apply(variables, images)

  return Call(
    run,
    {'images': Map(3, 'images')},
    {
      'logits': '2: far from any outline, near one; 8: the inside lies at moves'
    },
    {
      'moves': offsets.MOVES[1:].tolist(),
      'certainty': network.get('certainty', 0.0),
      'about_certainty': 'an outline is near only where the mean of the eight '
      'directions, unit vectors by their probabilities, is at least so long',
    },
  )


@dataclasses.dataclass(frozen=True)
class Correction:
  """Corrects a map of any image.

  Attributes:
    offsets: finds the codes of the image.
  """

  offsets: OffsetMaps

  def __call__(
    self, image: np.ndarray, probabilities: np.ndarray
  ) -> np.ndarray:
    """Corrects float32 [H,W,C] by uint8 [H,W,3]."""
    return moved(probabilities, self.offsets.find(InMemory(image)))


def correct(network: Trained, *, window: Size) -> Correction:
  """Returns what a trained network does to a map.

  Args:
    network: normalised images [B,h,w,3] -> logits [B,h,w,2+8], given as
      `jax.tree_util.Partial(module.apply, variables)`.
    window: (h, w) of its input.
  """
  return Correction(OffsetMaps(network, window))


def moved(probabilities: np.ndarray, codes: np.ndarray) -> np.ndarray:
  """Takes probabilities from where codes point, unless nothing is known there.

  Args:
    probabilities: float32 [H,W,C].
    codes: uint8 [H,W], see `ops.offsets`.

  Returns:
    float32 [H,W,C].
  """
  given = offsets.apply(probabilities, codes)
  if probabilities.shape[-1] > 1:
    # A label's pixel without a class is of any, which says nothing.
    empty = given.max(-1) == given.min(-1)
    given[empty] = probabilities[empty]
  return given


def bands(codes: np.ndarray, read: Read) -> Iterator[np.ndarray]:
  """Corrects a map that is read in bands, by offsets that are known.

  Args:
    codes: uint8 [H,W], see `ops.offsets`.
    read: reads rows of the map.

  Yields:
    Bands of the result from top to bottom, float32 [n,W,C].
  """
  height, width = codes.shape
  count = max(1, PIXELS // width)
  for first in range(0, height, count):
    last = min(first + count, height)
    top = max(0, first - offsets.REACH)
    bottom = min(height, last + offsets.REACH)
    found = moved(read(top, bottom), codes[top:bottom])
    yield found[first - top : last - top]
