"""The classes of generated scenes."""

from __future__ import annotations

from magnet_jax.types import ClassTable

MEADOW, CROP, ROAD, WATER, BASIN, BUILDING, TREE = range(7)

CLASSES = ClassTable(
  names=('meadow', 'crop', 'road', 'water', 'basin', 'building', 'tree'),
  colours=(
    (170, 205, 125),
    (238, 196, 76),
    (120, 116, 128),
    (62, 132, 206),
    (122, 214, 222),
    (208, 72, 66),
    (38, 112, 62),
  ),
)
