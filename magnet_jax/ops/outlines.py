"""Where a segmentation changes from one class to another."""

import numpy as np


def outlines(probabilities: np.ndarray) -> np.ndarray:
  """Marks pixels whose class is not that of the pixel below or to the right.

  The last row has none below, the last column none to the right.

  Args:
    probabilities: float32 [H,W,C].

  Returns:
    float32 [H,W], 1 on outlines, else 0.
  """
  classes = probabilities.argmax(-1)
  below = np.pad(classes[1:] != classes[:-1], ((0, 1), (0, 0)))
  right = np.pad(classes[:, 1:] != classes[:, :-1], ((0, 0), (0, 1)))
  return (below | right).astype(np.float32)
