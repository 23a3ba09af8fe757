"""MagNet-Fast: which windows are refined, and what the others keep."""

import math

import numpy as np
import pytest
import toy_networks

from magnet_jax.cascade import stage_windows, window_scores
from magnet_jax.ops import resize

pytestmark = pytest.mark.usefixtures('one_device')


def _pieces(before, grid):
  """The windows of a grid in the map before, whole pixels of it."""
  zoom = np.divide(before.shape[:2], grid.size)
  for number in range(len(grid)):
    rows, columns = stage_windows.inside(grid, number)
    corners = np.array(
      [
        (rows.start, columns.start),
        np.minimum((rows.stop, columns.stop), grid.size),
      ]
    )
    (top, left), (bottom, right) = corners * zoom
    yield before[int(top) : math.ceil(bottom), int(left) : math.ceil(right)]


@pytest.mark.parametrize('selection', ['window', 'image'])
@pytest.mark.parametrize('score', window_scores.SCORES)
def test_fast_refines_the_windows_of_highest_score_only(score, selection):
  size = (64, 64)
  stages = toy_networks.make_plan(size)
  cascade = toy_networks.random_cascade(
    points=1.0, windows=0.25, selection=selection, window_score=score
  )
  first, last = cascade.stages(toy_networks.image(size), stages)
  upsampled = resize.probabilities(first.probabilities, size)
  grid = last.stage.grid
  found = [
    window_scores.of_window(score, piece)
    for piece in _pieces(first.probabilities, grid)
  ]
  wanted = np.argsort(found, kind='stable')[-4:]
  assert last.windows == tuple(sorted(wanted))
  for number in range(len(grid)):
    area = stage_windows.inside(grid, number)
    seen = number in last.windows
    assert last.chosen[area].all() == last.chosen[area].any() == seen
    off = np.abs(last.probabilities[area] - upsampled[area]).max()
    assert (off < 1e-6) != seen


def test_windows_that_are_sure_enough_cost_nothing():
  size = (64, 64)
  stages = toy_networks.make_plan(size)
  everything = toy_networks.random_cascade(windows=0.999999)
  first, _ = everything.stages(toy_networks.image(size), stages)
  grid = stages[-1].grid
  means = [
    float(toy_networks.unsure(piece).mean())
    for piece in _pieces(first.probabilities, grid)
  ]
  middle = (sorted(means)[7] + sorted(means)[8]) / 2
  for least, count in ((1.0, 0), (middle, len(grid) - 8)):
    cascade = toy_networks.random_cascade(min_uncertainty=least)
    _, last = cascade.stages(toy_networks.image(size), stages)
    assert len(last.windows) == count
    assert last.windows == tuple(n for n, m in enumerate(means) if m >= least)


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_a_stage_without_windows_keeps_the_upsampled_map(selection):
  size = (40, 50)
  cascade = toy_networks.random_cascade(
    points=0.5, windows=1e-6, selection=selection
  )
  *_, before, last = cascade.stages(
    toy_networks.image(size), toy_networks.make_plan(size, stages=3)
  )
  assert len(before.windows) == 1 and before.chosen.any()
  assert last.windows == () and not last.chosen.any()
  np.testing.assert_allclose(
    last.probabilities,
    resize.probabilities(before.probabilities, size),
    atol=1e-6,
  )


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_fast_with_overlap_keeps_probabilities(selection):
  size = (40, 50)
  cascade = toy_networks.random_cascade(
    points=0.5, windows=3, selection=selection
  )
  stages = toy_networks.make_plan(size, overlap=0.5)
  for result in cascade.stages(toy_networks.image(size), stages):
    toy_networks.assert_probabilities(result)
