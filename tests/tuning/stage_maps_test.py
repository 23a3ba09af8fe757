"""What ways make of the maps of the scales."""

import numpy as np
import toy_model

from magnet_jax.cascade import plan
from magnet_jax.cascade.options import Options
from magnet_jax.ops import area, resize, windows
from magnet_jax.tuning import stage_maps

MODEL = toy_model.make()
IMAGE = toy_model.sample(size=(96, 128)).image


def _plan(overlap=0.25):
  return plan.make_plan(
    (96, 128), window=(32, 32), scales=[(24, 32), (48, 64)], overlap=overlap
  )


def _blended(cascade, stage):
  return cascade.patches(area.shrink(IMAGE, stage.size), stage.grid)


def test_all_windows_are_the_equal_mean():
  cascade, stages = MODEL.cascade(), _plan()
  maps = stage_maps.StageMaps(cascade, IMAGE)
  found = stage_maps.running_mean(maps, stages, Options())
  mean = _blended(cascade, stages[0])
  for depth, stage in enumerate(stages[1:], start=2):
    mean = resize.probabilities(mean, stage.size)
    mean += (_blended(cascade, stage) - mean) / depth
  np.testing.assert_allclose(found.probabilities, mean, atol=1e-5)
  assert found.windows == sum(len(stage.grid) for stage in stages)
  assert found.seconds > 0


def test_weights_of_stages():
  cascade, stages = MODEL.cascade(), _plan()
  maps = stage_maps.StageMaps(cascade, IMAGE)
  found = stage_maps.running_mean(
    maps, stages, Options(fusion='mean', stage_weights=(3.0, 1.0))
  )
  mean, total = _blended(cascade, stages[0]), 3
  for stage in stages[1:]:
    mean, total = resize.probabilities(mean, stage.size), total + 1
    mean += (_blended(cascade, stage) - mean) / total
  np.testing.assert_allclose(found.probabilities, mean, atol=1e-5)


def test_few_windows_change_only_their_pixels():
  cascade, stages = MODEL.cascade(), _plan(overlap=0.0)
  maps = stage_maps.StageMaps(cascade, IMAGE)
  some = stage_maps.running_mean(maps, stages, Options(windows=0.3))
  coarse = stage_maps.running_mean(maps, stages[:2], Options()).probabilities
  before = resize.probabilities(coarse, (96, 128))
  changed = (some.probabilities != before).any(-1).mean()
  # 2 windows of stage 1 (both), and 2 of the 12 of stage 2.
  assert some.windows == 1 + round(0.3 * (len(stages[1].grid) + 12))
  assert 0 < changed < 0.3
  np.testing.assert_allclose(some.probabilities.sum(-1), 1, atol=1e-5)


def test_a_map_is_computed_once():
  calls = []

  class Cascade:
    def patches(self, image, grid):
      calls.append(grid)
      return np.ones((*grid.size, 2), np.float32) / 2

  maps = stage_maps.StageMaps(Cascade(), IMAGE)
  grid = windows.make_grid((96, 128), (32, 32))
  assert maps.of(grid) is maps.of(grid)
  assert len(calls) == 1


def test_coverage():
  """Windows are chosen by their score, without padding."""
  grid = windows.make_grid((30, 60), (32, 32))
  mean = np.zeros((30, 60, 2), np.float32)
  mean[..., 0] = 1
  mean[:, 40:] = 0.5
  found = stage_maps.coverage(grid, mean, 1, 'mean')
  assert (found[:, 32:] == 1).all() and (found[:, :28] == 0).all()
  # Its only outline is a column in the left window.
  mean[:, 20:25] = 0, 1
  found = stage_maps.coverage(grid, mean, 1, 'outlines')
  assert (found[:, :28] == 1).all() and (found[:, 32:] == 0).all()
  assert (stage_maps.coverage(grid, mean, 2, 'mean') == 1).all()
