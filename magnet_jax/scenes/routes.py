"""Draws long thin features: roads, lanes, paths, ditches and hedges."""

from __future__ import annotations

import numpy as np

from magnet_jax.scenes.canvas import Canvas
from magnet_jax.scenes.classes import MEADOW, ROAD, WATER
from magnet_jax.scenes.things import Things

_DITCH = (44, 66, 78)


def _grey(
  rng: np.random.Generator, low: float, high: float, warmth: float
) -> tuple[int, int, int]:
  level = rng.uniform(low, high)
  return int(level + warmth), int(level), int(level - warmth)


def draw_road(
  rng: np.random.Generator, canvas: Canvas, points: np.ndarray, width: int
) -> None:
  """Draws a main road with edge lines and a dashed centre line."""
  canvas.stroke(points, width + 2, image=(206, 204, 196), label=ROAD)
  canvas.stroke(points, width, image=_grey(rng, 104, 128, 2))
  gaps = np.hypot(*np.diff(points, axis=0).T)
  walked = np.concatenate([[0], np.cumsum(gaps)])
  for start in np.arange(0, walked[-1], 22):
    ends = [
      np.interp([start, start + 9], walked, points[:, axis]) for axis in (0, 1)
    ]
    canvas.stroke(np.stack(ends, -1), 1, image=(214, 212, 204))


def draw_lane(
  rng: np.random.Generator, canvas: Canvas, points: np.ndarray, width: int
) -> None:
  """Draws a narrow paved lane."""
  canvas.stroke(points, width, image=_grey(rng, 120, 160, 4), label=ROAD)


def draw_path(
  rng: np.random.Generator, canvas: Canvas, points: np.ndarray, width: int
) -> None:
  """Draws a footpath of light gravel, possibly one pixel wide."""
  canvas.stroke(points, width, image=_grey(rng, 178, 208, 14), label=ROAD)


def draw_ditch(canvas: Canvas, points: np.ndarray, width: int) -> None:
  """Draws a ditch filled with dark water."""
  canvas.stroke(points, width, image=_DITCH, label=WATER)


def plant_hedge(
  rng: np.random.Generator,
  canvas: Canvas,
  points: np.ndarray,
  things: Things,
  radius: float,
) -> None:
  """Plants a row of small trees where the line crosses open ground."""
  if not canvas.sees(points, radius):
    return
  gaps = np.hypot(*np.diff(points, axis=0).T)
  walked = np.concatenate([[0], np.cumsum(gaps)])
  places = np.arange(0, walked[-1], 1.5 * radius)
  spots = np.stack(
    [np.interp(places, walked, points[:, axis]) for axis in (0, 1)], -1
  )
  spots += rng.normal(0, 0.25 * radius, spots.shape)
  sizes = np.maximum(1.0, radius * rng.uniform(0.75, 1.3, len(spots)))
  for spot, size in zip(spots, sizes.tolist(), strict=True):
    things.add_tree(canvas, spot, size, (MEADOW,))
