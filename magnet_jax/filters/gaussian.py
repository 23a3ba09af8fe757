"""Gaussian filter over positions."""

import math

import cv2
import numpy as np

from magnet_jax.types import Size

_REACH = 4.0  # sigmas


class Gaussian:
  """weight · D^-1/2 K D^-1/2, times a map, for K = exp(-|x_i - x_j|²/2 sigma²).

  D is K 1, so that near a border pixels count more.

  Args:
    size: (height, width) of the maps.
    sigma: in pixels.
    weight: of the kernel.
  """

  def __init__(self, size: Size, *, sigma: float, weight: float):
    reach = math.ceil(_REACH * sigma)
    kernel = np.exp(-((np.arange(-reach, reach + 1) / sigma) ** 2) / 2)
    kernel /= kernel.sum()
    self._kernel = (kernel * math.sqrt(weight)).astype(np.float32)
    # Of both axes; 1 away from the border.
    self._scales = []
    for length in size:
      inside = np.convolve(np.ones(length), kernel)[reach:][:length]
      self._scales.append((1 / np.sqrt(inside)).astype(np.float32))
    self._border = reach

  def __call__(self, maps: np.ndarray, to: np.ndarray) -> None:
    """Filters float32 [H,W,C] to an array of that size."""
    np.copyto(to, maps)
    self._scale(to)
    # Nothing lies beyond the border.
    kernel = self._kernel
    cv2.sepFilter2D(
      to, -1, kernel, kernel, dst=to, borderType=cv2.BORDER_CONSTANT
    )
    self._scale(to)

  def _scale(self, maps: np.ndarray) -> None:
    """Scales the pixels near a border, in place."""
    for axis, scale in enumerate(self._scales):
      view = maps.swapaxes(0, axis)
      last = max(self._border, len(scale) - self._border)
      for near in (slice(self._border), slice(last, None)):
        view[near] *= scale[near, None, None]
