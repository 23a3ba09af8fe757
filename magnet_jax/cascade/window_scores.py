"""Scores of windows: where not all are computed, the highest are.

Each is the mean of a map over a window. Uncertainty finds the windows worth
computing in photographs; where small things are missed with confidence and
large areas stay uncertain, it does worse than chance, and outlines find them:
see experiments/windows.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from magnet_jax.ops.outlines import outlines
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.types import InputError


class PixelScore(Protocol):
  """Scores the pixels of a window."""

  def __call__(self, probabilities: np.ndarray, /) -> np.ndarray:
    """float32 [h,w,C] -> [h,w] in [0, 1]."""
    ...


SCORES: Mapping[str, PixelScore] = {
  'outlines': outlines,
  'mean': uncertainty,
}


def check(name: str) -> None:
  """Checks that a score is known.

  Raises:
    InputError: it is not.
  """
  if name not in SCORES:
    raise InputError(
      f'window_score {name!r}: unknown; choose one of {", ".join(SCORES)}'
    )


def of_window(name: str, probabilities: np.ndarray) -> float:
  """Returns the score of a window on the host.

  Args:
    name: of the score.
    probabilities: float32 [h,w,C], without padding.
  """
  return float(SCORES[name](probabilities).mean())
