"""Probabilities that are read, filtered and returned in bands of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent import futures
import dataclasses
from typing import Any, Protocol

import cv2
import numpy as np

from magnet_jax.types import InputError, Plane

# Reads rows first … last - 1 of probabilities: float32 [n,W,C].
Read = Callable[[int, int], np.ndarray]

PIXELS = 2**18  # of a band, approximately: its planes are in the cache


class Image(Protocol):
  """An image of which a filter takes parts: an array, or `Sliced`."""

  @property
  def shape(self) -> tuple[int, ...]:
    """Returns (height, width, 3)."""

  def __getitem__(self, part: Any, /) -> np.ndarray:
    """Returns rows, or (rows, columns), given as slices: uint8 [h,w,3]."""


@dataclasses.dataclass(frozen=True)
class Sliced:
  """An image that is read where it is sliced.

  Attributes:
    plane: uint8 [H,W,3].
  """

  plane: Plane

  @property
  def shape(self) -> tuple[int, ...]:
    """(height, width, 3)."""
    return (*self.plane.size, 3)

  def __getitem__(self, part: slice | tuple[slice, slice], /) -> np.ndarray:
    """Reads rows, or rows and columns."""
    both = part if isinstance(part, tuple) else (part, slice(None))
    (top, bottom), (left, right) = (
      cut.indices(length)[:2]
      for cut, length in zip(both, self.plane.size, strict=True)
    )
    return self.plane.read(top, left, bottom - top, right - left)


def reader(image: np.ndarray, probabilities: np.ndarray) -> Read:
  """Returns a reader of a map in memory.

  Raises:
    InputError: the sizes of image and map differ.
  """
  if probabilities.shape[:2] != image.shape[:2]:
    raise InputError(
      f'probabilities of size {probabilities.shape[:2]}, image of size '
      f'{image.shape[:2]}: must be equal; resize the probabilities'
    )
  return lambda first, last: probabilities[first:last]


def joined(bands: Iterator[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
  """Returns bands as one map, float32 of a shape."""
  result = np.empty(shape, np.float32)
  top = 0
  for band in bands:
    result[top : top + len(band)] = band
    top += len(band)
  return result


def each_class(
  maps: np.ndarray, count: int, correct: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
  """Filters all classes, clips them at 0 and makes them sum to 1.

  The filter is linear and leaves a constant as it is, so it keeps sums of 1:
  the last class is what the others leave, and one that is absent stays so. The
  classes are divided among as many threads as OpenCV may use.

  Args:
    maps: float32 [n,W,C], on all rows that the result depends on.
    count: of the rows of the result.
    correct: filters a plane: float64 [n,W] -> float64 [count,W].

  Returns:
    float32 [count,W,C].
  """
  _, width, classes = maps.shape
  present = [index for index in range(classes - 1) if maps[..., index].any()]
  with futures.ThreadPoolExecutor(max(1, cv2.getNumThreads())) as pool:
    planes = pool.map(
      lambda index: correct(maps[..., index].astype(np.float64)), present
    )
    found = dict(zip(present, planes, strict=True))
  last, total = np.ones((count, width)), np.zeros((count, width))
  for plane in found.values():
    last -= plane
  found[classes - 1] = last
  for plane in found.values():
    np.maximum(plane, 0, out=plane)
    total += plane
  share = 1 / total  # at least 1, as what was clipped was negative
  result = np.zeros((count, width, classes), np.float32)
  for index, plane in found.items():
    np.multiply(plane, share, out=result[..., index], casting='same_kind')
  return result
