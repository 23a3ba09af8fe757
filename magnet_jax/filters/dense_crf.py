"""The fully connected CRF of an image's pixels, by mean-field steps.

Krähenbühl and Koltun, Efficient Inference in Fully Connected CRFs with Gaussian
Edge Potentials, NeurIPS 2011, with the symmetric normalisation of the second
author's later code. Runs on the host: the vertices of the bilateral grid are
those of the image's colours, and XLA would compile for each image.
"""

from __future__ import annotations

from collections.abc import Iterator
import math

import numpy as np

from magnet_jax.filters.bands import Image, Read
from magnet_jax.filters.bilateral_grid import BilateralGrid
from magnet_jax.filters.gaussian import Gaussian
from magnet_jax.filters.mean_field import Kernel, mean_field
from magnet_jax.types import InputError, Size

# As in the original code.
BILATERAL_WEIGHT = 10.0
BILATERAL_SIGMA = 80.0
COLOUR_SIGMA = 13.0
CELLS = 1.6
_FINE_CELLS = 2.5  # of images so small that they take a second at most
_SMALL = 2**17  # pixels
_FEWEST = 1.6  # cells per sigma: fewer blur more than the kernel does
_PIXELS = 2**23  # of a band, approximately: about 3 GB for five classes
_HALO = 3.0  # sigmas around a band


def dense_crf(
  image: np.ndarray,
  probabilities: np.ndarray,
  *,
  steps: int = 5,
  gaussian_weight: float = 3.0,
  gaussian_sigma: float = 3.0,
  bilateral_weight: float = BILATERAL_WEIGHT,
  bilateral_sigma: float = BILATERAL_SIGMA,
  colour_sigma: float = COLOUR_SIGMA,
  certainty: float = 1.0,
  cells: float | None = None,
) -> np.ndarray:
  """Draws pixels to the classes of pixels near and alike.

  Each step is Q <- softmax(log p + sum of w · D^-1/2 K D^-1/2 Q) over a kernel
  K of the distance and one of distance and colour, where D = K 1. Needs
  some 400 bytes per pixel, for a photograph and five classes.

  Args:
    image: uint8 [H,W,3].
    probabilities: float32 [H,W,C], summing to 1; clipped at 1e-5.
    steps: at least 0.
    gaussian_weight: of the kernel of the distance; at least 0.
    gaussian_sigma: in pixels, above 0.
    bilateral_weight: of the kernel of distance and colour; at least 0.
    bilateral_sigma: of its distance, in pixels, above 0.
    colour_sigma: of its colours, in steps of 0 to 255; above 0. Time and memory
      grow with the number of colours that are farther apart than it: at 3, a
      photograph takes some ten times as long as at 13.
    certainty: share of the given probabilities, the rest of which is the same
      for all classes; from 0 to 1. Labels need less than 1: otherwise those of
      them that are wrong are certain.
    cells: of the bilateral grid, per sigma, at least 1.6; None: 2.5 for images
      of up to 131,072 pixels, 1.6 for larger ones. With 2.5, a step differs
      from the exact sum by less than 0.001 on average and 0.01 at most; with
      1.6, by less than 0.001 and 0.03, or 0.002 and 0.06 on noise of all
      colours.

  Returns:
    float32 [H,W,C], summing to 1.

  Raises:
    InputError: a setting is out of range, or the sizes differ.
  """
  if cells is None:
    cells = _cells(image)
  _check(
    image,
    probabilities,
    least={
      'steps': (steps, 0),
      'gaussian_weight': (gaussian_weight, 0),
      'bilateral_weight': (bilateral_weight, 0),
      'certainty': (certainty, 0),
      'cells': (cells, _FEWEST),
    },
    above={
      'gaussian_sigma': gaussian_sigma,
      'bilateral_sigma': bilateral_sigma,
      'colour_sigma': colour_sigma,
    },
  )
  if certainty > 1:
    raise InputError(f'certainty {certainty}: must be at most 1; correct it')
  if probabilities.shape[-1] == 1:
    return np.ones_like(probabilities)
  kernels: list[Kernel] = []
  if steps and gaussian_weight:
    size: Size = (image.shape[0], image.shape[1])
    kernels.append(Gaussian(size, sigma=gaussian_sigma, weight=gaussian_weight))
  if steps and bilateral_weight:
    kernels.append(
      BilateralGrid(
        image,
        sigma=bilateral_sigma,
        colour_sigma=colour_sigma,
        cells=cells,
        weight=bilateral_weight,
      )
    )
  return mean_field(probabilities, kernels, steps=steps, certainty=certainty)


def dense_crf_bands(
  image: Image, read: Read, **settings: float
) -> Iterator[np.ndarray]:
  """Does so in bands of rows, in memory that does not grow with their number.

  A band sees the rows up to three sigmas of distance beyond it. An image
  of 8 million pixels or less is one band.

  Args:
    image: uint8 [H,W,3].
    read: of the probabilities.
    **settings: of `dense_crf`.

  Yields:
    float32 [n,W,C], from top to bottom.

  Raises:
    InputError: as `dense_crf`.
  """
  height, width = image.shape[:2]
  sigma = float(settings.get('bilateral_sigma', BILATERAL_SIGMA))
  halo = math.ceil(_HALO * sigma) if 0 < sigma < height else height
  rows = max(2 * halo, _PIXELS // width)
  for first in range(0, height, rows):
    last = min(first + rows, height)
    top, bottom = max(first - halo, 0), min(last + halo, height)
    filtered = dense_crf(
      image[top:bottom],
      read(top, bottom),
      **{'cells': _cells(image), **settings},  # type: ignore[arg-type]
    )
    yield filtered[first - top : last - top]


def _cells(image: np.ndarray) -> float:
  return _FINE_CELLS if image.shape[0] * image.shape[1] <= _SMALL else CELLS


def _check(
  image: np.ndarray,
  probabilities: np.ndarray,
  *,
  least: dict[str, tuple[float, float]],
  above: dict[str, float],
) -> None:
  for name, (value, lowest) in least.items():
    if not (value >= lowest and math.isfinite(value)):
      raise InputError(
        f'{name} {value}: must be at least {lowest} and finite; correct it'
      )
  for name, value in above.items():
    if not (value > 0 and math.isfinite(value)):
      raise InputError(
        f'{name} {value}: must be above 0 and finite; correct it'
      )
  if image.shape[:2] != probabilities.shape[:2]:
    raise InputError(
      f'probabilities of size {probabilities.shape[:2]}, image of size '
      f'{image.shape[:2]}: must be equal; resize the probabilities'
    )
