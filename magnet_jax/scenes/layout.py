"""Plans the large features of a scene: sites, parcels and routes.

Lengths are in pixels and do not depend on the size of the scene, so a larger
scene contains more of them. Points are float [n,2] of world (x, y).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from magnet_jax.types import Size

# Kind: (area of the world per site, smallest and largest radius).
_KINDS: dict[str, tuple[float, float, float]] = {
  'pivot': (2.1e6, 400.0, 620.0),
  'basin': (6.0e6, 400.0, 510.0),
  'lake': (6.0e6, 280.0, 370.0),
  'village': (2.6e6, 260.0, 340.0),
  'grove': (1.8e6, 45.0, 90.0),
}
_PARCEL_AREA = (2.5e5, 9e5)


@dataclasses.dataclass(frozen=True)
class Site:
  """A round area reserved for one large feature."""

  kind: str
  centre: np.ndarray
  radius: float


@dataclasses.dataclass(frozen=True)
class Layout:
  """The plan of a scene.

  Attributes:
    sites: round areas that do not overlap.
    parcels: convex polygons that cover the world.
    edges: the lines [2,2] between parcels.
    rivers: (points [n,2], widths [n]) of running water.
    roads: points [n,2] of the main roads.
  """

  sites: tuple[Site, ...]
  parcels: tuple[np.ndarray, ...]
  edges: tuple[np.ndarray, ...]
  rivers: tuple[tuple[np.ndarray, np.ndarray], ...]
  roads: tuple[np.ndarray, ...]

  def of_kind(self, kind: str) -> tuple[Site, ...]:
    """Returns the sites of one kind."""
    return tuple(site for site in self.sites if site.kind == kind)


def make_layout(rng: np.random.Generator, world: Size) -> Layout:
  """Plans a world of the given (height, width)."""
  sites = place_sites(rng, world)
  parcels, edges = split_parcels(rng, world)
  rivers = _plan_rivers(rng, world, sites)
  return Layout(sites, parcels, edges, rivers, _plan_roads(rng, world, sites))


def place_sites(rng: np.random.Generator, world: Size) -> tuple[Site, ...]:
  """Places sites at random so that they do not overlap."""
  area = world[0] * world[1]
  counts = {
    kind: max(1, int(area / share + rng.random()))
    for kind, (share, _, _) in _KINDS.items()
  }
  sites: list[Site] = []
  # One of each kind first, so that even a crowded world has all kinds.
  for turn in range(max(counts.values())):
    for kind, (_, low, high) in _KINDS.items():
      if turn < counts[kind]:
        _place(rng, world, kind, rng.uniform(low, high), sites)
  return tuple(sites)


def _place(
  rng: np.random.Generator,
  world: Size,
  kind: str,
  radius: float,
  sites: list[Site],
) -> None:
  smallest = _KINDS[kind][1] * 0.85
  while radius >= smallest:
    inset = min(0.6 * radius, 0.4 * min(world))
    for _ in range(60):
      centre = rng.uniform((inset, inset), (world[1] - inset, world[0] - inset))
      if all(
        np.hypot(*(centre - site.centre)) > radius + site.radius + 25
        for site in sites
      ):
        sites.append(Site(kind, centre, radius))
        return
    radius *= 0.9


def split_parcels(
  rng: np.random.Generator, world: Size
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
  """Cuts the world into convex parcels by lines along two main directions."""
  angle = rng.uniform(0, np.pi)
  height, width = world
  rest = [
    np.array(
      [[-9, -9], [width + 9, -9], [width + 9, height + 9], [-9, height + 9]],
      float,
    )
  ]
  parcels, edges = [], []
  while rest:
    polygon = rest.pop()
    if _area(polygon) < rng.uniform(*_PARCEL_AREA):
      parcels.append(polygon)
      continue
    turn = angle + rng.normal(0, 0.12)
    axes = np.array(
      [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    )
    spans = np.ptp(polygon @ axes.T, axis=0)
    along = polygon @ axes[int(np.argmax(spans))]
    place = along.min() + rng.uniform(0.36, 0.64) * np.ptp(along)
    one, other, edge = _cut(polygon, along - place)
    rest += [one, other]
    edges.append(edge)
  return tuple(parcels), tuple(edges)


def _area(polygon: np.ndarray) -> float:
  x, y = polygon.T
  return 0.5 * abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1)))


def _cut(
  polygon: np.ndarray, distance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  sides: tuple[list, list] = ([], [])
  crossings = []
  for index, point in enumerate(polygon):
    after = (index + 1) % len(polygon)
    here, there = distance[index], distance[after]
    sides[int(here > 0)].append(point)
    if (here > 0) != (there > 0):
      crossing = point + (polygon[after] - point) * here / (here - there)
      crossings.append(crossing)
      for side in sides:
        side.append(crossing)
  return np.array(sides[0]), np.array(sides[1]), np.array(crossings)


def _wind(
  rng: np.random.Generator, start: np.ndarray, end: np.ndarray, swing: float
) -> np.ndarray:
  """Returns a smooth line from start to end that swings to both sides."""
  length = float(np.hypot(*(end - start))) + 1e-6
  steps = np.linspace(0, 1, max(8, int(length / 12)))
  waves = max(2, int(length / 260))
  offset = np.zeros_like(steps)
  for wave in range(1, waves + 1):
    offset += rng.normal(0, swing / wave) * np.sin(np.pi * wave * steps)
  across = np.array([start[1] - end[1], end[0] - start[0]]) / length
  straight = start + (end - start) * steps[:, None]
  return straight + offset[:, None] * across


def _best_route(
  rng: np.random.Generator,
  ends: tuple[np.ndarray, np.ndarray],
  swing: float,
  sites: tuple[Site, ...],
) -> np.ndarray:
  """Returns the winding line, of several, that disturbs sites least."""
  tries = [
    _wind(rng, *ends, swing * size) for size in np.linspace(0.3, 4, 40).tolist()
  ]
  return _around(min(tries, key=lambda line: _burden(line, sites)), sites)


def _around(points: np.ndarray, sites: tuple[Site, ...]) -> np.ndarray:
  """Pushes a line smoothly out of sites, so that it runs along their rims."""
  points = points.copy()
  for _ in range(12):
    points[1:-1] = (points[:-2] + 2 * points[1:-1] + points[2:]) / 4
    for site in sites:
      steps = points - site.centre
      away = np.hypot(*steps.T)[:, None] + 1e-6
      within = away < site.radius + 14
      points = np.where(
        within, site.centre + steps / away * (site.radius + 14), points
      )
  return points


def _burden(points: np.ndarray, sites: tuple[Site, ...]) -> float:
  """Weighs how far a line runs inside sites, then its length."""
  coarse = points[::4]
  within = sum(
    np.count_nonzero(((coarse - site.centre) ** 2).sum(1) < site.radius**2)
    for site in sites
  )
  length = np.hypot(*np.diff(coarse, axis=0).T).sum()
  return 4.0 * within + 0.01 * float(length)


def _rim_point(rng: np.random.Generator, world: Size, side: int) -> np.ndarray:
  share = rng.uniform(0.02, 0.98)
  height, width = world
  rim = (
    (share * width, -20.0),
    (width + 20.0, share * height),
    (share * width, height + 20.0),
    (-20.0, share * height),
  )
  return np.array(rim[side % 4])


def _plan_rivers(
  rng: np.random.Generator, world: Size, sites: tuple[Site, ...]
) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
  """Plans rivers from rim to rim, and streams that flow into them."""
  count = max(1, int(world[0] * world[1] / 9e6 + rng.random()))
  rivers = []
  for _ in range(count):
    side = int(rng.integers(4))
    routes = [
      _best_route(
        rng,
        (_rim_point(rng, world, side), _rim_point(rng, world, side + 2)),
        90.0,
        sites,
      )
      for _ in range(4)
    ]
    points = min(routes, key=lambda route: _burden(route, sites))
    wave = np.sin(np.linspace(0, rng.uniform(6, 14), len(points)))
    rivers.append((points, rng.uniform(10, 17) * (1 + 0.35 * wave)))
    for _ in range(2):
      mouth = points[int(rng.integers(len(points)))]
      source = _rim_point(rng, world, side + int(rng.choice((1, 3))))
      stream = _best_route(rng, (mouth, source), 60.0, sites)
      rivers.append((stream, np.linspace(5, 2, len(stream))))
  return tuple(rivers)


def _plan_roads(
  rng: np.random.Generator, world: Size, sites: tuple[Site, ...]
) -> tuple[np.ndarray, ...]:
  """Plans roads from each village to the previous one and to the rim."""
  villages = [site for site in sites if site.kind == 'village']
  others = tuple(
    site for site in sites if site.kind not in ('village', 'grove')
  )
  roads = []
  for index, village in enumerate(villages):
    ends = [_rim_point(rng, world, side) for side in range(4)]
    if index:
      target = villages[index - 1].centre
    else:
      target = ends.pop(int(rng.integers(4)))
    roads.append(_best_route(rng, (village.centre, target), 70.0, others))
    routes = [
      _best_route(rng, (village.centre, end), 70.0, others) for end in ends
    ]
    roads.append(min(routes, key=lambda route: _burden(route, others)))
  return tuple(roads)
