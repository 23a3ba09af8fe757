"""Probabilities as whole numbers of 8 or 16 bits: their square roots.

A score asks how far a sure map is from being sure, 1e-6 or 1e-4. Steps of equal
size in p would answer 0 to both; in the root of p they are fine where p is
small. The largest probability, whose steps are coarse, follows from the others:
all of a pixel are divided by their sum.
"""

import numpy as np

# The number that stands for a probability of 1.
SCALES = {'uint8': 255, 'uint16': 65535}
_LEAST = np.float32(1e-30)  # a sum of 0 is not divided by


def encode(probabilities: np.ndarray, scale: int) -> np.ndarray:
  """Rounds roots to steps: float32 [...,C] to whole numbers in float32.

  Args:
    probabilities: in [0, 1]; clipped, as blended windows may exceed 1 by
      rounding.
    scale: one of SCALES.
  """
  roots = np.sqrt(probabilities.clip(0, 1))
  return np.rint(np.multiply(roots, np.float32(scale), out=roots), out=roots)


def decode(codes: np.ndarray, scale: int) -> np.ndarray:
  """Returns probabilities that sum to 1 along the last axis: float32 [...,C].

  Args:
    codes: whole numbers, as `encode` makes them.
    scale: the same.
  """
  found = codes * np.float32(1 / scale)
  return normalised(np.square(found, out=found))


def normalised(probabilities: np.ndarray) -> np.ndarray:
  """Divides float32 [...,C] in its place, so that it sums to 1 along C."""
  # By a product: NumPy is slow in adding along such a short axis.
  ones = np.ones(probabilities.shape[-1], np.float32)
  sums = np.maximum(probabilities @ ones, _LEAST)
  probabilities /= sums[..., None]
  return probabilities
