"""Builds villages: streets, lots, houses, sheds, hedges, ditches and trees."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from magnet_jax.scenes import ground, routes
from magnet_jax.scenes.canvas import Canvas
from magnet_jax.scenes.classes import MEADOW, WATER
from magnet_jax.scenes.layout import Site
from magnet_jax.scenes.things import Things


@dataclasses.dataclass(frozen=True)
class Village:
  """Rows of lots along bent streets; (u, v) run along and across them.

  Attributes:
    site: where it lies.
    axes: [2,2], world directions of u and v.
    swing: how far the streets bend, in pixels, and the phase of the bend.
    rows: (v, half the length) of each street.
    pitch: distance between streets in pixels.
    wet: whether ditches separate the lots.
  """

  site: Site
  axes: np.ndarray
  swing: tuple[float, float]
  rows: tuple[tuple[float, float], ...]
  pitch: float
  wet: bool

  def world(self, u: ArrayLike, v: ArrayLike) -> np.ndarray:
    """Returns world points [n,2] of local u and v, each [n] or a number."""
    along, across = np.broadcast_arrays(np.atleast_1d(u), np.atleast_1d(v))
    amount, begin = self.swing
    bent = across + amount * np.sin(1.6 * along / self.site.radius + begin)
    return self.site.centre + np.stack([along, bent], -1) @ self.axes


def make_village(rng: np.random.Generator, site: Site) -> Village:
  """Chooses the streets of a village."""
  turn, pitch = rng.uniform(0, np.pi), rng.uniform(70, 86)
  axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
  places = np.arange(0.4 * pitch - site.radius, site.radius, pitch)
  halves = np.sqrt(site.radius**2 - places**2)
  halves *= rng.uniform(0.8, 1, len(places))
  rows = tuple(zip(places.tolist(), halves.tolist(), strict=True))
  swing = (rng.uniform(4, 22), rng.uniform(0, 6.3))
  return Village(site, axes, swing, rows, pitch, bool(rng.random() < 0.75))


def lay_gardens(
  rng: np.random.Generator, canvas: Canvas, village: Village
) -> None:
  """Fills the ground of the lots."""
  for v, half in village.rows:
    for side in (-1, 1):
      u = -half
      while u < half:
        width = rng.uniform(18, 70)
        corners = village.world(
          np.array([u, u + width, u + width, u]),
          v + side * np.array([0, 0, village.pitch / 2, village.pitch / 2]),
        )
        texture = int(rng.choice(ground.GARDENS))
        canvas.fill(corners, ground=texture, label=MEADOW)
        u += width


def part_lots(
  rng: np.random.Generator, canvas: Canvas, village: Village, things: Things
) -> None:
  """Draws what separates the lots: ditches, hedges, paths."""
  for v, half in village.rows:
    _draw_back(rng, canvas, village, (v, half), things)
    for side in (-1, 1):
      u = -half
      while u < half:
        _draw_side(rng, canvas, village, (u, v, side), things)
        u += rng.uniform(18, 48)


def draw_streets(
  rng: np.random.Generator, canvas: Canvas, village: Village
) -> None:
  """Draws the streets along the rows, and two across them."""
  reach = village.rows[-1][0]
  for place in (rng.uniform(-0.5, 0.5, 2) * village.site.radius).tolist():
    across = np.linspace(village.rows[0][0], reach, 24)
    routes.draw_lane(rng, canvas, village.world(place, across), 4)
  for v, half in village.rows:
    street = village.world(np.linspace(-half, half, 32), v)
    routes.draw_lane(rng, canvas, street, int(rng.integers(3, 6)))


def build_lots(
  rng: np.random.Generator, canvas: Canvas, village: Village, things: Things
) -> None:
  """Adds the houses, sheds, driveways, pools and trees of the lots."""
  for v, half in village.rows:
    for side in (-1, 1):
      u = -half + rng.uniform(0, 20)
      while u < half - 30:
        width = rng.uniform(27, 43)
        _build_lot(rng, canvas, village, (u, v, width, side), things)
        u += width


def _draw_back(
  rng: np.random.Generator,
  canvas: Canvas,
  village: Village,
  row: tuple[float, float],
  things: Things,
) -> None:
  v, half = row
  line = village.world(np.linspace(-half, half, 32), v + village.pitch / 2)
  if village.wet:
    routes.draw_ditch(canvas, line, int(rng.integers(2, 4)))
  elif rng.random() < 0.6:
    routes.draw_path(rng, canvas, line, int(rng.integers(1, 3)))
  else:
    routes.plant_hedge(rng, canvas, line, things, 2.2)


def _build_lot(
  rng: np.random.Generator,
  canvas: Canvas,
  village: Village,
  lot: tuple[float, float, float, int],
  things: Things,
) -> None:
  u, v, width, side = lot
  depth = village.pitch / 2 - 2
  if not canvas.sees(village.world([u, u + width], [v, v + side * depth])):
    return
  if rng.random() < 0.1:  # an empty lot
    return
  middle = u + width * rng.uniform(0.4, 0.6)
  setback = rng.uniform(12, 16)
  long, short = rng.uniform(14, min(26, width - 6)), rng.uniform(9, 14)
  if rng.random() < 0.25:
    long, short = short, long
  home = (middle, v + side * setback)
  if things.add_house(
    canvas, _rectangle(village, home, long, short), rng.uniform(5, 10)
  ):
    drive = village.world(
      [middle, middle], [v, v + side * (setback - short / 2)]
    )
    routes.draw_path(rng, canvas, drive, int(rng.integers(1, 4)))
  for _ in range(int(rng.integers(1, 3))):
    place = (
      u + rng.uniform(7, width - 7),
      v + side * rng.uniform(23, depth - 4),
    )
    size = rng.uniform(4, 9, 2)
    if village.wet and rng.random() < 0.2:
      _draw_pool(rng, canvas, village, place)
    else:
      corners = _rectangle(village, place, size[0], size[1])
      things.add_house(canvas, corners, rng.uniform(2.5, 5))
  for _ in range(int(rng.integers(2, 7))):
    spot = village.world(
      u + rng.uniform(2, width - 2), v + side * rng.uniform(7, depth)
    )[0]
    things.add_tree(canvas, spot, rng.gamma(4, 0.6) + 1)


def _draw_side(
  rng: np.random.Generator,
  canvas: Canvas,
  village: Village,
  place: tuple[float, float, int],
  things: Things,
) -> None:
  u, v, side = place
  line = village.world([u, u], v + side * np.array([6, village.pitch / 2]))
  kind = rng.random()
  if kind < 0.4 and village.wet:
    routes.draw_ditch(canvas, line, int(rng.integers(2, 4)))
  elif kind < 0.6:
    routes.plant_hedge(rng, canvas, line, things, 1.7)
  elif kind < 0.8:
    routes.draw_path(rng, canvas, line, 1)


def _draw_pool(
  rng: np.random.Generator,
  canvas: Canvas,
  village: Village,
  place: tuple[float, float],
) -> None:
  corners = _rectangle(village, place, rng.uniform(6, 12), rng.uniform(4, 7))
  if not (canvas.classes_under(corners) != MEADOW).any():
    canvas.fill(corners, label=WATER, image=(84, 160, 186))


def _rectangle(
  village: Village, centre: tuple[float, float], long: float, short: float
) -> np.ndarray:
  u, v = centre
  middle, ahead = village.world([u, u + 1], v)
  along = (ahead - middle) / np.hypot(*(ahead - middle))
  across = np.array([-along[1], along[0]])
  signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
  steps = signs * np.array([long, short]) / 2
  if short > long:  # the ridge runs along the long side
    steps = np.roll(steps, 1, axis=0)
  return middle + steps @ np.stack([along, across])
