"""Offsets of SegFix: each pixel takes the label of one a step further inside.

An offset is a code, so that those of an image are a plane of bytes: 0 leaves
the pixel as it is, k moves to direction k - 1. Indexing is exact.
"""

import math

import numpy as np

# (rows, columns) towards the eight neighbours, in steps of 45 degrees from the
# left over the top.
DIRECTIONS = (
  (0, -1),
  (-1, -1),
  (-1, 0),
  (-1, 1),
  (0, 1),
  (1, 1),
  (1, 0),
  (1, -1),
)
CODES = 1 + len(DIRECTIONS)
STEP = 2  # pixels

# What a code moves by, int [CODES,2]; a diagonal step of 2 is 1.41 of each.
MOVES = np.array(
  [
    (0, 0),
    *(
      (round(STEP * y / math.hypot(y, x)), round(STEP * x / math.hypot(y, x)))
      for y, x in DIRECTIONS
    ),
  ]
)
REACH = int(np.abs(MOVES).max())  # rows and columns that a pixel looks away


def encode(boundary: np.ndarray, direction: np.ndarray) -> np.ndarray:
  """Returns the codes of what a network has found.

  Args:
    boundary: float32 [H,W], the probability that an outline is near.
    direction: float32 [H,W,8], probabilities or logits of the directions.

  Returns:
    uint8 [H,W], 0 where no outline is near.
  """
  codes = direction.argmax(-1).astype(np.uint8)
  codes += 1
  codes[boundary <= 0.5] = 0
  return codes


def apply(array: np.ndarray, codes: np.ndarray) -> np.ndarray:
  """Takes each pixel from where its code points, within the image.

  Args:
    array: a label [H,W] or probabilities [H,W,C].
    codes: uint8 [H,W], below `CODES`.

  Returns:
    A copy of the array with pixels exchanged.

  >>> apply(np.array([[1, 2, 3]]), np.array([[0, 5, 1]], np.uint8))
  array([[1, 3, 1]])
  """
  rows, columns = np.nonzero(codes)
  moves = MOVES[codes[rows, columns]]
  height, width = codes.shape
  above = (rows + moves[:, 0]).clip(0, height - 1)
  beside = (columns + moves[:, 1]).clip(0, width - 1)
  moved = array.copy()
  moved[rows, columns] = array[above, beside]
  return moved
