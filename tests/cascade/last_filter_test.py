"""The last filter is that of the whole image, however it is divided."""

import numpy as np
import pytest
import toy_networks

from magnet_jax.cascade import last_filter, plan, tiling
from magnet_jax.cascade.parts import Share
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.filters import fast_guided
from magnet_jax.ops import resize
from magnet_jax.types import Stage, WindowGrid

RADIUS = 6


def _maps(size, seed=0):
  raised = np.random.default_rng(seed).random((*size, 3)) ** 4 + 1e-3
  return (raised / raised.sum(-1, keepdims=True)).astype(np.float32)


def _filtered(image, maps, radius=RADIUS):
  """By the filter of whole images."""
  return fast_guided.fast_guided(
    image, maps, radius=radius, eps=1e-4, subsampling=max(1, radius // 2)
  )


def _stage(size):
  return Stage(1, WindowGrid(size, size, (), ()), filtered=True)


@pytest.mark.parametrize(
  ('size', 'radius'),
  [((1, 1), 8), ((5, 3), 1), ((64, 512), 3), ((300, 40), 7), ((70, 1100), 8)],
)
def test_it_is_the_filter_of_the_whole_image(size, radius):
  image, maps = toy_networks.image(size), _maps(size)
  before = maps.copy()
  found = last_filter.in_memory(image, maps, radius)
  np.testing.assert_array_equal(maps, before)
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)
  np.testing.assert_allclose(found, _filtered(image, maps, radius), atol=1e-6)


@pytest.mark.parametrize('first', [0, 1])
def test_shares_and_resumed_runs_make_all_tiles(first):
  size = (600, 530)
  image, maps = toy_networks.image(size), _maps(size)
  tiles = len(tiling.tiled(_stage(size).grid))
  row = 2
  done, found = [], np.zeros((*size, 3), np.float32)
  for windows in (range(0, 3 * row), range(3 * row, tiles)):
    for part in last_filter.refine(
      _stage(size),
      InMemory(image),
      InMemory(maps),
      Share(windows, first),
      radius=RADIUS,
    ):
      done += part.finished
      for tile in part.tiles:
        InMemory(found).write(tile.top, tile.left, tile.values)
  # The parts that are skipped have four rows, or what there is.
  skipped = [*range(3 * row), *range(3 * row, 7 * row)] if first else []
  assert done == [n for n in range(tiles) if n not in skipped]
  there = found.any(-1)
  assert there.all() or first
  np.testing.assert_allclose(
    found[there], _filtered(image, maps)[there], atol=1e-6
  )


def test_a_smaller_map_is_enlarged():
  size = (90, 70)
  image, maps = toy_networks.image(size), _maps((31, 24))
  share = Share(range(len(tiling.tiled(_stage(size).grid))))
  parts = last_filter.refine(
    _stage(size), InMemory(image), InMemory(maps), share, radius=RADIUS
  )
  (tile,) = [tile for part in parts for tile in part.tiles]
  wanted = _filtered(image, resize.probabilities(maps, size))
  np.testing.assert_allclose(tile.values, wanted, atol=1e-6)


@pytest.mark.parametrize('planned', [{}, {'last': 0.5, 'first': 0.5}])
@pytest.mark.parametrize('size', [(40, 50), (10, 12)])
def test_a_plan_ends_with_it(planned, size):
  stages = plan.make_plan(size, window=toy_networks.WINDOW, **planned)
  filtered = last_filter.of(stages)
  windows = [stage for stage in stages if len(stage.grid)]
  assert [*filtered[:-1]] == windows
  assert filtered[-1].filtered and filtered[-1].size == size
  assert [stage.index for stage in filtered] == [*range(len(filtered))]
  image = toy_networks.image(size)
  plain = toy_networks.mean_cascade().segment(image, stages)
  found = toy_networks.filtered_cascade().segment(image, filtered)
  np.testing.assert_allclose(found, _filtered(image, plain, 3), atol=1e-6)


def test_no_radius_is_no_filter():
  size = (40, 50)
  stages = plan.make_plan(size, window=toy_networks.WINDOW)
  image, cascade = toy_networks.image(size), toy_networks.mean_cascade()
  np.testing.assert_array_equal(
    cascade.segment(image, last_filter.of(stages)),
    cascade.segment(image, stages),
  )
