"""The packages that a person would use instead, called as they are meant to."""

import cv2
import numpy as np
import pydensecrf.densecrf

from magnet_jax.filters.guided import EPS, RADIUS


def guided(image: np.ndarray, maps: np.ndarray, *, scale: float) -> np.ndarray:
  """OpenCV's guided filter of each class; scale is that of its fast form."""
  # The radius is in pixels of the reduced image.
  run = cv2.ximgproc.createGuidedFilter(
    image, round(RADIUS * scale), EPS * 255**2, scale=scale
  )
  result = np.empty_like(maps)
  for index in range(maps.shape[-1]):
    result[..., index] = run.filter(np.ascontiguousarray(maps[..., index]))
  result = result.clip(0)
  result /= result.sum(-1, keepdims=True)
  return result


def dense_crf(
  image: np.ndarray, maps: np.ndarray, *, steps: int = 5
) -> np.ndarray:
  """pydensecrf2, with the settings of the original code, which are ours."""
  height, width, classes = maps.shape
  crf = pydensecrf.densecrf.DenseCRF2D(width, height, classes)
  energies = -np.log(maps.clip(1e-5, 1)).reshape(-1, classes).T
  crf.setUnaryEnergy(np.ascontiguousarray(energies))
  crf.addPairwiseGaussian(sxy=3, compat=3)
  crf.addPairwiseBilateral(sxy=80, srgb=13, rgbim=image, compat=10)
  result = np.array(crf.inference(steps)).reshape(classes, height, width)
  return result.transpose(1, 2, 0)
