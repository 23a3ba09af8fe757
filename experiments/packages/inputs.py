"""What the packages are timed on: a photograph, and a coarse map of it."""

import cv2
import numpy as np

REDUCTION = 8
_SHARPNESS = 750.0  # squared steps of 0 to 255


def photograph(path: str, side: int) -> np.ndarray:
  """Returns the upper left corner, uint8 [side,side,3]."""
  image = cv2.imread(path, cv2.IMREAD_COLOR_RGB)
  if image is None or min(image.shape[:2]) < side:
    raise SystemExit(f'{path}: not an image of at least {side} x {side} pixels')
  return np.ascontiguousarray(image[:side, :side])


def probabilities(image: np.ndarray, classes: int) -> np.ndarray:
  """Returns float32 [H,W,C]: groups of colours, at an eighth of the size."""
  height, width = image.shape[:2]
  small = cv2.resize(
    image,
    (width // REDUCTION, height // REDUCTION),
    interpolation=cv2.INTER_AREA,
  ).astype(np.float32)
  cv2.setRNGSeed(0)
  criteria = cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 20, 1.0
  _, _, centres = cv2.kmeans(
    small.reshape(-1, 3), classes, None, criteria, 1, cv2.KMEANS_PP_CENTERS
  )
  logits = -((small[:, :, None] - centres) ** 2).sum(-1) / _SHARPNESS
  maps = np.exp(logits - logits.max(-1, keepdims=True))
  maps /= maps.sum(-1, keepdims=True)
  maps = cv2.resize(maps, (width, height), interpolation=cv2.INTER_LINEAR)
  return np.asarray(maps / maps.sum(-1, keepdims=True), np.float32)
