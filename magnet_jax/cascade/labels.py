"""Labels and confidence from a map: of the whole, or tile by tile."""

import numpy as np

from magnet_jax.cascade.disk import OnDisk
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.types import IGNORE, Plane


def predict(probabilities: np.ndarray) -> np.ndarray:
  """Returns the most probable class of each pixel: uint8 [H,W]."""
  return probabilities.argmax(-1).astype(np.uint8)


def confidence(probabilities: np.ndarray) -> np.ndarray:
  """Computes 255 (1 - uncertainty), 0 for a tie: uint8 [h,w]."""
  sure = (1 - uncertainty(probabilities)).clip(0, 1)
  return np.rint(sure * np.float32(255)).astype(np.uint8)


class Labels:
  """Outputs of the last stage, written tile by tile.

  Args:
    label: receives the classes.
    confidence: receives the confidence, if wanted.
    invalid: 1 for invalid pixels.
    probabilities: receives the map itself, if wanted.
  """

  def __init__(
    self,
    label: OnDisk,
    confidence: OnDisk | None,
    invalid: Plane | None,
    probabilities: OnDisk | None,
  ):
    self.label = label
    self.confidence = confidence
    self._invalid = invalid
    self.probabilities = probabilities

  def write(self, top: int, left: int, values: np.ndarray) -> None:
    """Writes a tile's outputs from its map, float32 [h,w,C]."""
    label = predict(values)
    nothing = None
    if self._invalid is not None:
      nothing = self._invalid.read(top, left, *label.shape).view(bool)
      label[nothing] = IGNORE
    self.label.write(top, left, label)
    if self.confidence is not None:
      sure = confidence(values)
      if nothing is not None:
        sure[nothing] = 0
      self.confidence.write(top, left, sure)
    if self.probabilities is not None:
      self.probabilities.write(top, left, values)

  def flush(self) -> None:
    """Waits until everything is written."""
    for plane in (self.label, self.confidence, self.probabilities):
      if plane is not None:
        plane.flush()
