"""Draws a shape into several layers of a scene at once.

Every layer of a shape is drawn by the same call with the same coordinates and
without antialiasing, so that the label matches the image exactly.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from magnet_jax.types import Size

_SHIFT = 3  # fixed-point bits of a coordinate: an eighth of a pixel


@dataclasses.dataclass(frozen=True)
class Canvas:
  """A view of the world; points are float [n,2] of world (x, y).

  Attributes:
    origin: world (x, y) of the centre of the first pixel.
    label: uint8 [H,W], class indices.
    ground: uint8 [H,W], indices of ground textures.
    shade: uint8 [H,W], 255 in cast shadows.
    image: uint8 [H,W,3], RGB.
  """

  origin: tuple[int, int]
  label: np.ndarray
  ground: np.ndarray
  shade: np.ndarray
  image: np.ndarray

  @classmethod
  def blank(cls, size: Size, origin: tuple[int, int]) -> Canvas:
    """Returns an empty canvas of `size` pixels at `origin` in the world."""
    return cls(
      origin,
      np.zeros(size, np.uint8),
      np.zeros(size, np.uint8),
      np.zeros(size, np.uint8),
      np.zeros((*size, 3), np.uint8),
    )

  def fill(self, points: np.ndarray, **layers: object) -> None:
    """Fills a polygon; `layers` gives the value for each layer."""
    if self.sees(points):
      fixed = self._fixed(points)
      for name, value in layers.items():
        cv2.fillPoly(getattr(self, name), [fixed], value, cv2.LINE_8, _SHIFT)

  def stroke(self, points: np.ndarray, width: int, **layers: object) -> None:
    """Draws an open line `width` pixels wide."""
    if self.sees(points, width):
      fixed = self._fixed(points)
      for name, value in layers.items():
        cv2.polylines(
          getattr(self, name), [fixed], False, value, width, cv2.LINE_8, _SHIFT
        )

  def disc(
    self, centre: tuple[float, float], radius: float, **layers: object
  ) -> None:
    """Fills a circle around world (x, y)."""
    # Without arrays, as a scene has tens of thousands of these.
    x, y = centre[0] - self.origin[0], centre[1] - self.origin[1]
    height, width = self.label.shape
    if -radius <= x <= width + radius and -radius <= y <= height + radius:
      place = (round(x * (1 << _SHIFT)), round(y * (1 << _SHIFT)))
      scaled = max(1, round(radius * (1 << _SHIFT)))
      for name, value in layers.items():
        cv2.circle(
          getattr(self, name), place, scaled, value, -1, cv2.LINE_8, _SHIFT
        )

  def class_at(self, centre: tuple[float, float]) -> int | None:
    """Returns the label at world (x, y), None outside the view."""
    x = round(centre[0] - self.origin[0])
    y = round(centre[1] - self.origin[1])
    height, width = self.label.shape
    if 0 <= x < width and 0 <= y < height:
      return int(self.label[y, x])
    return None

  def ribbon(
    self, points: np.ndarray, widths: np.ndarray, **layers: object
  ) -> None:
    """Draws a line whose width [n] varies from point to point."""
    for here, there, width in zip(
      points[:-1], points[1:], widths[:-1], strict=True
    ):
      self.stroke(np.stack([here, there]), max(1, round(width)), **layers)

  def sees(self, points: np.ndarray, margin: float = 0.0) -> bool:
    """Returns whether the bounding box of `points` touches the view."""
    height, width = self.label.shape
    left, top = points.min(0) - self.origin - margin
    right, bottom = points.max(0) - self.origin + margin
    return bool(
      right >= -1 and bottom >= -1 and left <= width and top <= height
    )

  def classes_under(self, points: np.ndarray) -> np.ndarray:
    """Returns the labels [m] that `fill(points)` would cover."""
    left, top = np.floor(points.min(0) - self.origin).astype(int)
    right, bottom = np.ceil(points.max(0) - self.origin).astype(int) + 1
    left, top = max(left, 0), max(top, 0)
    box = self.label[top : max(bottom, 0), left : max(right, 0)]
    if not box.size:
      return box.ravel()
    mask = np.zeros(box.shape, np.uint8)
    fixed = self._fixed(points - np.array([left, top]))
    cv2.fillPoly(mask, [fixed], 1, cv2.LINE_8, _SHIFT)
    return box[mask > 0]

  def _fixed(self, points: np.ndarray) -> np.ndarray:
    scaled = (points - np.asarray(self.origin)) * (1 << _SHIFT)
    return np.round(scaled).astype(np.int32)
