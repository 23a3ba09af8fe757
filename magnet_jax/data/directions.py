"""What SegFix learns from a label: where outlines are, and what is inside.

Yuan et al., ECCV 2020. Within each class, the distance to the nearest pixel of
another one says how near an outline is, and rises towards the inside.
"""

import cv2
import numpy as np

from magnet_jax.ops.offsets import DIRECTIONS
from magnet_jax.types import IGNORE

NEAR = 6.0  # pixels from another class, below which an outline is near
SMALLEST = 100  # pixels of a region that has an inside
_FLAT = 1e-3  # of a gradient that points nowhere


def truth(
  label: np.ndarray, *, ignore_label: int = IGNORE
) -> tuple[np.ndarray, np.ndarray]:
  """Returns boundary and direction of each pixel of a label.

  Ignored pixels may be of any class, so nothing beside them is an outline for
  that. The image's border is none either. Regions (8-connected) of fewer than
  100 pixels are left out.

  Args:
    label: uint8 [H,W] of class indices.
    ignore_label: the value without a class.

  Returns:
    uint8 [H,W], 1 where another class is less than 6 pixels away, else 0, and
    uint8 [H,W], the index in `offsets.DIRECTIONS` of the direction inwards; of
    both IGNORE where there is no class or it is left out, and of the latter
    where the distance does not rise.
  """
  boundary = np.full(label.shape, IGNORE, np.uint8)
  direction = np.full(label.shape, IGNORE, np.uint8)
  unknown = label == ignore_label
  for index in np.unique(label[~unknown]):
    inside = label == index
    kept = _large(inside)
    if not kept.any():
      continue
    distance = _distance(inside | unknown)
    boundary[kept] = distance[kept] < NEAR
    direction[kept] = _directions(distance)[kept]
  return boundary, direction


def _large(inside: np.ndarray) -> np.ndarray:
  """Marks the regions that are not too small: bool [H,W]."""
  _, regions, statistics, _ = cv2.connectedComponentsWithStats(
    inside.astype(np.uint8), connectivity=8
  )
  large = statistics[:, cv2.CC_STAT_AREA] >= SMALLEST
  large[0] = False  # the rest of the image
  return np.asarray(large[regions])


def _distance(inside: np.ndarray) -> np.ndarray:
  """Euclidean distance to the nearest pixel outside: float32 [H,W]."""
  if inside.all():
    return np.full(inside.shape, np.inf, np.float32)
  return np.asarray(
    cv2.distanceTransform(
      inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
  )


def _directions(distance: np.ndarray) -> np.ndarray:
  """Returns the nearest of the directions in which a distance rises.

  Args:
    distance: float32 [H,W]; 0 outside the class, infinite if nothing is.

  Returns:
    uint8 [H,W], IGNORE where it is flat.
  """
  if np.isinf(distance).any():
    return np.full(distance.shape, IGNORE, np.uint8)
  down, right = (
    cv2.filter2D(distance, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE)
    for kernel in (_SLOPE.T, _SLOPE)
  )
  turns = np.arctan2(down, right) / (2 * np.pi) + 0.5
  count = len(DIRECTIONS)
  nearest = np.floor(turns * count + 0.5).astype(int) % count
  nearest[np.hypot(down, right) < _FLAT] = IGNORE
  return nearest.astype(np.uint8)


def _slope() -> np.ndarray:
  """Returns the 5x5 kernel of the slope along columns, i / (i² + j²)."""
  rows, columns = np.mgrid[-2:3, -2:3]
  squares = rows**2 + columns**2
  squares[2, 2] = 1  # of the centre, which has no weight
  return np.asarray(columns / squares, np.float32)


_SLOPE = _slope()
