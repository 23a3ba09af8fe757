"""Draws the landscape: parcels, pivot fields, lakes, basins, rivers, groves.

Meadow and crop share their textures and random features (lone trees, straight
tracks), as do lake and basin: only the outlines tell them apart.
"""

from __future__ import annotations

import itertools

import numpy as np

from magnet_jax.scenes import ground, routes
from magnet_jax.scenes.canvas import Canvas
from magnet_jax.scenes.classes import BASIN, CROP, MEADOW, WATER
from magnet_jax.scenes.layout import Layout, Site
from magnet_jax.scenes.things import Things


def lay_ground(
  rng: np.random.Generator, canvas: Canvas, layout: Layout
) -> None:
  """Fills the textures and labels of parcels, pivots, lakes and basins."""
  for parcel in layout.parcels:
    canvas.fill(parcel, ground=int(rng.choice(ground.FIELDS)))
  for site in layout.of_kind('pivot'):
    _lay_pivot(rng, canvas, site)
  for site in layout.of_kind('lake'):
    _lay_water(rng, canvas, _shore(rng, site), WATER)
  for site in layout.of_kind('basin'):
    _lay_water(rng, canvas, _dam(rng, site), BASIN)


def _circle(site: Site, radius: float) -> np.ndarray:
  angles = np.linspace(0, 2 * np.pi, 180, endpoint=False)
  return site.centre + radius * np.stack([np.cos(angles), np.sin(angles)], -1)


def _lay_pivot(rng: np.random.Generator, canvas: Canvas, site: Site) -> None:
  """Fills a round field, undivided or in two or three sectors."""
  rim = _circle(site, site.radius)
  bank = int(rng.choice(ground.BANKS))
  canvas.fill(rim, ground=bank, label=CROP)
  inner = _circle(site, site.radius - 9)
  cuts = sorted(rng.integers(0, 180, int(rng.integers(0, 4))).tolist())
  cuts = cuts if len(cuts) > 1 else [0]
  for start, end in zip(cuts, [*cuts[1:], cuts[0] + 180], strict=True):
    arc = inner[np.arange(start, end + 1) % 180]
    canvas.fill(
      np.concatenate([site.centre[None], arc]),
      ground=int(rng.choice(ground.FIELDS)),
    )


def _lay_water(
  rng: np.random.Generator, canvas: Canvas, outline: np.ndarray, index: int
) -> None:
  bank = int(rng.choice(ground.BANKS))
  water = int(rng.choice(ground.WATERS))
  closed = np.concatenate([outline, outline[:1]])
  canvas.stroke(closed, 19, ground=bank, label=MEADOW)
  canvas.fill(outline, ground=water, label=index)


def _shore(rng: np.random.Generator, site: Site) -> np.ndarray:
  """Returns the wavy outline of a lake."""
  angles = np.linspace(0, 2 * np.pi, 240, endpoint=False)
  radii = np.ones_like(angles)
  for wave in range(2, 9):
    radii += (
      (0.42 / wave) * rng.normal() * np.sin(wave * angles + rng.uniform(0, 6.3))
    )
  radii = np.clip(radii, 0.4, None)
  radii *= (site.radius - 15) / radii.max()
  steps = radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], -1)
  return site.centre + steps


def _dam(rng: np.random.Generator, site: Site) -> np.ndarray:
  """Returns the rectangular outline of a basin."""
  turn, half = rng.uniform(0, np.pi), rng.uniform(0.6, 0.85)
  long = site.radius - 15
  corner = np.array([np.cos(half), np.sin(half)]) * long
  signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
  axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
  return site.centre + (signs * corner) @ axes


def fill_rivers(canvas: Canvas, layout: Layout) -> None:
  """Fills rivers and streams, banks first."""
  bank, water = ground.BANKS[0], ground.WATERS[0]
  for points, widths in layout.rivers:
    margin = np.where(widths > 8, 5, 2)
    canvas.ribbon(points, widths + margin, ground=bank)
  for points, widths in layout.rivers:
    canvas.ribbon(points, widths, ground=water, label=WATER)


def draw_edges(
  rng: np.random.Generator, canvas: Canvas, layout: Layout, things: Things
) -> None:
  """Draws hedges, ditches and paths between parcels, on meadow only."""
  villages = layout.of_kind('village')
  for edge in layout.edges:
    pieces = _over_meadow(canvas, _line(*edge), villages)
    _draw_edge(rng, canvas, pieces, things)


def draw_roads(
  rng: np.random.Generator, canvas: Canvas, layout: Layout
) -> None:
  """Draws the tracks into fields and the main roads."""
  for parcel in layout.parcels:
    if rng.random() < 0.4:
      middle, corner = parcel.mean(0), parcel[int(rng.integers(len(parcel)))]
      width = int(rng.integers(2, 4))
      track = _line(middle, (middle + corner) / 2)
      for piece in _over_meadow(canvas, track, layout.of_kind('village')):
        routes.draw_path(rng, canvas, piece, width)
  for site in layout.of_kind('pivot'):
    angle = rng.uniform(0, 2 * np.pi)
    rim = site.centre + site.radius * np.array([np.cos(angle), np.sin(angle)])
    track = np.stack([site.centre, rim])
    routes.draw_path(rng, canvas, track, int(rng.integers(2, 4)))
  for road in layout.roads:
    routes.draw_road(rng, canvas, road, int(rng.integers(5, 8)))


def _draw_edge(
  rng: np.random.Generator,
  canvas: Canvas,
  pieces: list[np.ndarray],
  things: Things,
) -> None:
  kind, width = rng.random(), int(rng.integers(1, 4))
  for piece in pieces:
    if kind < 0.3:
      routes.plant_hedge(rng, canvas, piece, things, 2.6)
    elif kind < 0.55:
      routes.draw_ditch(canvas, piece, max(2, width))
    elif kind < 0.85:
      routes.draw_path(rng, canvas, piece, width)


def _line(start: np.ndarray, end: np.ndarray) -> np.ndarray:
  """Returns points from start to end, about 6 pixels apart."""
  count = max(2, int(np.hypot(*(end - start)) / 6))
  return start + np.linspace(0, 1, count)[:, None] * (end - start)


def _over_meadow(
  canvas: Canvas, points: np.ndarray, villages: tuple[Site, ...]
) -> list[np.ndarray]:
  """Cuts a line into its pieces on meadow and outside villages."""
  if not canvas.sees(points):
    return []
  outside = np.ones(len(points), bool)
  for village in villages:
    outside &= np.hypot(*(points - village.centre).T) > village.radius
  pieces, piece = [], [points[0]]
  for (here, there), free in zip(
    itertools.pairwise(points), outside[1:].tolist(), strict=True
  ):
    covered = canvas.classes_under(np.stack([here, there]))
    if free and (covered == MEADOW).all():
      piece.append(there)
      continue
    pieces.append(piece)
    piece = [there]
  pieces.append(piece)
  return [np.array(piece) for piece in pieces if len(piece) > 1]


def plant_country(
  rng: np.random.Generator, canvas: Canvas, layout: Layout, things: Things
) -> None:
  """Plants lone trees everywhere, and groves at their sites."""
  height, width = canvas.label.shape
  for _ in range(int(rng.poisson(height * width / 1.2e5))):
    spot = rng.uniform((0, 0), (width, height)) + canvas.origin
    things.add_tree(canvas, spot, rng.uniform(3, 8), (MEADOW, CROP))
  for site in layout.of_kind('grove'):
    for _ in range(int(site.radius**2 / 34)):
      spot = site.centre + rng.normal(0, 0.42 * site.radius, 2)
      if canvas.sees(spot[None], 8):
        things.add_tree(canvas, spot, rng.uniform(3, 7.5))
