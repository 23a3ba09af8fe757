"""Where the maps and images of stages live: in memory or on disk."""

import dataclasses
from typing import Protocol

import numpy as np

from magnet_jax.cascade.stage_windows import Plane
from magnet_jax.types import Size


class Store(Plane, Protocol):
  """A plane that is written tile by tile."""

  def write(self, top: int, left: int, values: np.ndarray) -> None:
    """Takes [h,w,...]; again with the same values changes nothing."""


@dataclasses.dataclass(frozen=True)
class InMemory:
  """A plane as an array.

  Attributes:
    values: [H,W,...].
  """

  values: np.ndarray

  @property
  def size(self) -> Size:
    """(height, width)."""
    return self.values.shape[0], self.values.shape[1]

  def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
    """[height,width,...], a view."""
    return self.values[top : top + height, left : left + width]

  def write(self, top: int, left: int, values: np.ndarray) -> None:
    """Puts [h,w,...] in its place."""
    height, width = values.shape[:2]
    self.values[top : top + height, left : left + width] = values
