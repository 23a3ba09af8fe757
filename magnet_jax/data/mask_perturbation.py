"""True masks made wrong at random, as those of a segmenter are.

As for CascadePSP (Cheng et al., CVPR 2020): outlines lose a stretch and most of
their vertices, then discs are added or taken away along them, until the mask is
as wrong as it should be. How wrong that is can be measured near the outlines
alone: else large masks, whose outlines are short for their area, lose far more
than a segmenter gets wrong of them.
"""

from collections.abc import Callable

import cv2
import numpy as np

LEAST = 0.8  # intersection over union with the truth
_LOST = 0.1  # share of an outline that is left out in one piece
_KEPT = 0.1  # share of the vertices of the rest
_FEWEST = 10  # vertices of an outline that is changed
_DIAMETERS = 3, 9  # of discs, in pixels
_CHANGES = 250  # of rectangles, at most
_FAILURES = 8  # changes that would go too far, after which none is tried


def perturb(
  rng: np.random.Generator,
  mask: np.ndarray,
  *,
  least: float = LEAST,
  band: int = 0,
) -> np.ndarray:
  """Draws a wrong version of a mask.

  Args:
    rng: advanced by as many numbers as are needed.
    mask: bool [H,W], the truth.
    least: smallest intersection over union of the result with the truth. Each
      call draws its own bound uniformly from `least` to 1.
    band: pixels on both sides of the mask's outlines within which that is
      measured, and beyond which nothing changes; 0 for the whole window.

  Returns:
    bool [H,W], which keeps the bound; an empty mask stays empty.
  """
  target = float(rng.uniform(least, 1))
  truth = mask.astype(np.uint8, order='C')  # as OpenCV needs it
  near = near_outlines(truth, band) if band else np.ones_like(truth)

  def within(changed: np.ndarray) -> np.ndarray:
    return np.where(near, changed, truth)

  def agrees(changed: np.ndarray) -> bool:
    return iou(changed & near, truth & near) >= target

  found = _simplified(rng, truth, within, agrees)
  failures = 0
  for _ in range(_CHANGES):
    changed = found.copy()
    rectangle = changed[_rectangle(rng, truth.shape)]
    size = int(rng.integers(_DIAMETERS[0], _DIAMETERS[1] + 1))
    rectangle[...] = reshaped(rectangle, size, grow=bool(rng.integers(2)))
    changed = within(changed)
    if agrees(changed):
      found = changed
      continue
    failures += 1
    if failures == _FAILURES:
      break
  return found.astype(bool)


def near_outlines(mask: np.ndarray, band: int) -> np.ndarray:
  """Returns where an outline is at most `band` pixels away: uint8 [H,W].

  Args:
    mask: uint8 [H,W] of 0 and 1. Its outlines run between pixels; the border of
      the window is none.
    band: pixels on either side, at least 1.
  """
  size = 2 * band + 1
  return reshaped(mask, size, grow=True) - reshaped(mask, size, grow=False)


def iou(one: np.ndarray, other: np.ndarray) -> float:
  """Returns the intersection over union of two masks; 1 if both are empty."""
  union = np.count_nonzero(one | other)
  return np.count_nonzero(one & other) / union if union else 1.0


def disc(size: int) -> np.ndarray:
  """Returns a disc of a diameter: uint8 [size,size]."""
  offsets = np.arange(size) - (size - 1) / 2
  return (offsets**2 + offsets[:, None] ** 2 <= (size / 2) ** 2).astype(
    np.uint8
  )


def reshaped(mask: np.ndarray, size: int, *, grow: bool) -> np.ndarray:
  """Dilates or erodes a mask by a disc; beyond the border nothing is known.

  Args:
    mask: uint8 [H,W] of 0 and 1.
    size: diameter of the disc.
    grow: whether to dilate.
  """
  change = cv2.dilate if grow else cv2.erode
  return np.asarray(change(mask, disc(size)))


def redrawn(
  rng: np.random.Generator, mask: np.ndarray, share: float
) -> np.ndarray:
  """Draws a mask anew from a part of its outlines' vertices.

  Each outline loses a tenth of itself in one piece, but for a share of 1, and a
  random part of the rest. Those of fewer than 10 pixels stay.

  Args:
    rng: draws the piece and the vertices.
    mask: uint8 [H,W] of 0 and 1.
    share: of the vertices that are kept, above 0.
  """
  outlines, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
  kept = []
  for outline in outlines:
    vertices = outline
    if len(outline) >= _FEWEST and share < 1:
      start = int(rng.integers(len(outline)))
      rest = np.roll(outline, -start, axis=0)[int(_LOST * len(outline)) :]
      count = max(3, round(share * len(rest)))
      places = np.sort(rng.choice(len(rest), count, replace=False))
      vertices = rest[places]
    kept.append(vertices)
  result = np.zeros_like(mask)
  cv2.drawContours(result, kept, -1, 1, cv2.FILLED)
  return result


def _simplified(
  rng: np.random.Generator,
  truth: np.ndarray,
  within: Callable[[np.ndarray], np.ndarray],
  agrees: Callable[[np.ndarray], bool],
) -> np.ndarray:
  """Draws a mask from few vertices, or more if it would be too wrong."""
  share = _KEPT
  while share < 1:
    found = within(redrawn(rng, truth, share))
    if agrees(found):
      return found
    share *= 2
  return truth.copy()


def _rectangle(
  rng: np.random.Generator, size: tuple[int, ...]
) -> tuple[slice, slice]:
  """Draws a rectangle whose corner lies anywhere, with at least a pixel."""
  top, left = (int(rng.integers(length)) for length in size)
  bottom, right = (
    int(rng.integers(first + 1, length + 1))
    for first, length in zip((top, left), size, strict=True)
  )
  return slice(top, bottom), slice(left, right)
