"""What goes out of the last stage of a streamed image, tile by tile."""

import numpy as np

from magnet_jax.cascade.disk import OnDisk
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.types import IGNORE, Plane


def predict(probabilities: np.ndarray) -> np.ndarray:
  """Returns the most probable class of each pixel: uint8 [H,W]."""
  return probabilities.argmax(-1).astype(np.uint8)


def confidence(probabilities: np.ndarray) -> np.ndarray:
  """255 (1 - uncertainty), 0 where two classes tie: uint8 [h,w]."""
  sure = (1 - uncertainty(probabilities)).clip(0, 1)
  return np.rint(sure * np.float32(255)).astype(np.uint8)


class Labels:
  """What goes out of the last stage, tile by tile.

  Args:
    label: takes the classes.
    confidence: takes how sure they are, if it is wanted.
    invalid: 1 where there is no image.
    probabilities: takes the map itself, if it is wanted.
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
    """Takes float32 [h,w,C]."""
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
    """Waits until all is written."""
    for plane in (self.label, self.confidence, self.probabilities):
      if plane is not None:
        plane.flush()
