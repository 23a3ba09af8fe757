"""Where the large features of a scene lie."""

import numpy as np
import pytest

from magnet_jax.scenes import layout


@pytest.mark.parametrize('seed', range(20))
def test_every_kind_of_site_has_a_place(seed):
  rng = np.random.default_rng(seed)
  sites = layout.place_sites(rng, (2448, 2448))
  assert {site.kind for site in sites} == {
    'pivot',
    'basin',
    'lake',
    'village',
    'grove',
  }
  for index, one in enumerate(sites):
    for other in sites[:index]:
      distance = np.hypot(*(one.centre - other.centre))
      assert distance > one.radius + other.radius


@pytest.mark.parametrize('size', [(300, 700), (2448, 2448)])
def test_parcels_cover_the_world_once(size):
  parcels, edges = layout.split_parcels(np.random.default_rng(2), size)
  areas = [
    0.5 * abs(x @ np.roll(y, 1) - y @ np.roll(x, 1))
    for x, y in (parcel.T for parcel in parcels)
  ]
  assert sum(areas) == pytest.approx((size[0] + 18) * (size[1] + 18))
  assert len(edges) == len(parcels) - 1
