"""Colours the ground of a scene: fields, gardens, banks and water.

Meadows and pivot fields share one set of textures, lakes and basins another,
so that a window inside one of them does not reveal which it is.
"""

from __future__ import annotations

import cv2
import numpy as np

from magnet_jax.types import Size

FIELDS = range(0, 20)
GARDENS = range(20, 26)
BANKS = range(26, 28)
WATERS = range(28, 31)


def make_noise(
  rng: np.random.Generator, size: Size, periods: tuple[float, ...]
) -> np.ndarray:
  """Sums smooth noise of several periods (pixels): float32 [H,W], std 1."""
  height, width = size
  total = np.zeros((2, 2), np.float32)
  # Coarsest first, each on the grid of its own period, so that only one resize
  # has the full size.
  for period in sorted(periods, reverse=True):
    shape = (int(height / period) + 3, int(width / period) + 3)
    total = cv2.resize(total, shape[::-1], interpolation=cv2.INTER_CUBIC)
    total += rng.standard_normal(shape, np.float32)
  rows, columns = int(shape[0] * period), int(shape[1] * period)
  total = cv2.resize(total, (columns, rows), interpolation=cv2.INTER_CUBIC)
  # Interpolation keeps about two thirds of the variance.
  total = total[:height, :width]
  total *= np.float32(1.25 / len(periods) ** 0.5)
  return total


def _draw_colours(rng: np.random.Generator) -> np.ndarray:
  """Draws the colour of each texture in this season, float32 [256,3]."""
  season = rng.uniform(-8, 8)  # degrees of hue: fresh or dry
  hsv = np.zeros((256, 1, 3), np.float32)
  for index in FIELDS:
    ripe = rng.random() < 0.3
    hue = rng.uniform(46, 62) if ripe else rng.uniform(64, 94)
    value = rng.uniform(0.52, 0.68) if ripe else rng.uniform(0.4, 0.58)
    hsv[index, 0] = hue + season, rng.uniform(0.24, 0.42), value
  for index in GARDENS:
    hsv[index, 0] = rng.uniform(62, 96), rng.uniform(0.25, 0.42), 0.47
    hsv[index, 0, 2] += rng.uniform(-0.06, 0.1)
  for index in BANKS:
    hsv[index, 0] = rng.uniform(36, 60), 0.24, rng.uniform(0.55, 0.68)
  tint = rng.uniform(175, 205)
  for index in WATERS:
    hsv[index, 0] = tint, rng.uniform(0.35, 0.5), rng.uniform(0.26, 0.38)
    hsv[index, 0, 0] += rng.uniform(-8, 8)
  return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[:, 0] * 255


def _furrows(rng: np.random.Generator, ground: np.ndarray) -> np.ndarray:
  """Returns furrow brightness, float32 [H,W], with a direction per texture."""
  angles = rng.uniform(0, np.pi, 256)
  waves = 2 * np.pi / rng.uniform(5, 14, 256)
  strength = np.zeros(256, np.float32)
  strength[list(FIELDS)] = rng.choice((0.0, 0.02, 0.04, 0.07), len(FIELDS))
  rows = np.arange(ground.shape[0], dtype=np.float32)[:, None]
  columns = np.arange(ground.shape[1], dtype=np.float32)[None]
  phase = cv2.LUT(ground, (np.cos(angles) * waves).astype(np.float32))
  phase *= columns
  phase += cv2.LUT(ground, (np.sin(angles) * waves).astype(np.float32)) * rows
  np.sin(phase, out=phase)
  phase *= cv2.LUT(ground, strength)
  return phase


def colour_ground(rng: np.random.Generator, ground: np.ndarray) -> np.ndarray:
  """Paints texture indices.

  Args:
    rng: draws the colours and the noise of this scene.
    ground: uint8 [H,W], texture indices.

  Returns:
    uint8 [H,W,3], RGB.
  """
  size = ground.shape
  colours = _draw_colours(rng)
  light = _furrows(rng, ground)
  strength = np.full(256, 0.075, np.float32)
  strength[list(WATERS)] = 0.02
  light += cv2.LUT(ground, strength) * make_noise(rng, size, (1.8, 5, 17))
  strength[list(FIELDS)] = rng.uniform(0.02, 0.07, len(FIELDS))
  strength[list(WATERS)] = 0.05
  patches = make_noise(rng, size, (45, 160, 600))
  light += cv2.LUT(ground, strength) * patches
  light += 1
  image = np.empty((*size, 3), np.uint8)
  for channel, drift in enumerate((0.04, 0.0, -0.03)):
    plane = cv2.LUT(ground, np.ascontiguousarray(colours[:, channel]))
    plane *= light + np.float32(drift) * patches
    image[..., channel] = np.clip(plane, 0, 255)
  return image
