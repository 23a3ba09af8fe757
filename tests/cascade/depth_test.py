"""How many stages a pixel holds, and the running mean over them."""

import jax
import numpy as np
import pytest
import toy_networks

from magnet_jax.cascade import depth, plan, refine_step
from magnet_jax.cascade.depth import Past
from magnet_jax.ops import area, resize, windows
from magnet_jax.refiners import mean
from magnet_jax.types import InputError

pytestmark = pytest.mark.usefixtures('one_device')
SIZE = (50, 70)
# Smooth, so that it matters little how often a map is resized.
IMAGE = resize.image(toy_networks.image((15, 21)), SIZE)


def _plan(**settings):
  wanted = {'first': 0.5, 'factor': 1.5, 'overlap': 0.3, **settings}
  return plan.make_plan(SIZE, window=toy_networks.WINDOW, **wanted)


def _share(grid, numbers):
  """The blended share of some windows, as a map of the stage."""
  rows, columns = windows.grid_weights(grid)
  found = np.zeros(np.add(grid.size, grid.window), np.float32)
  for number in numbers:
    i, j = divmod(number, len(grid.lefts))
    top, left = grid.tops[i], grid.lefts[j]
    found[top : top + grid.window[0], left : left + grid.window[1]] += np.outer(
      rows[i], columns[j]
    )
  return found[: grid.size[0], : grid.size[1]]


@pytest.mark.parametrize('weights', [(1, 1, 1), (2, 0.5, 3)])
@pytest.mark.parametrize('network', [(16, 16), (8, 8)])
def test_depth_is_the_sum_of_the_stages_shares(network, weights):
  first, second, last = _plan()
  chosen = [range(len(first.grid)), [0, 3, 4]]
  past = [
    depth.layer(stage.grid, numbers, (weight,))
    for stage, numbers, weight in zip(
      (first, second), chosen, weights, strict=False
    )
  ]
  whole = weights[0] + weights[1] * resize.probabilities(
    _share(second.grid, chosen[1])[..., None], last.size
  ).reshape(last.size)
  for number, corner in enumerate(last.grid.corners):
    found = depth.of_window(
      Past(tuple(past), (weights[2],)), last.grid, number, network
    )[..., 0]
    expected = windows.cut(whole, corner, (16, 16)) / weights[2]
    if network == (8, 8):
      expected = expected.reshape(8, 2, 8, 2).mean((1, 3))
    inside = np.s_[: last.size[0] - corner[0], : last.size[1] - corner[1]]
    off = np.abs(found - expected)[inside].max()
    # Half as many samples see a little less of the seams.
    assert off < (1e-5 if network == (16, 16) else 0.2)


def test_depth_is_exactly_the_number_of_complete_stages():
  stages = _plan(factor=1.2)
  past = tuple(
    depth.layer(each.grid, range(len(each.grid))) for each in stages[:-1]
  )
  for number in range(len(stages[-1].grid)):
    found = depth.of_window(Past(past), stages[-1].grid, number, (16, 16))
    assert found.dtype == np.float32 and (found == len(past)).all()
  assert (depth.of_window(Past(()), stages[-1].grid, 0, (4, 4)) == 1).all()


def _own_maps(cascade, stages):
  return [
    cascade.patches(area.shrink(IMAGE, stage.size), stage.grid)
    for stage in stages
    if len(stage.grid)
  ]


def _slowly(cascade, stages, results, weights):
  """The running mean on whole maps, by the shares of the chosen windows."""
  current, held = None, None
  each = [np.asarray(weight, np.float32) for weight in weights]
  for stage, own, result, weight in zip(
    stages, _own_maps(cascade, stages), results, each, strict=False
  ):
    if current is None:
      current, held = own, np.ones((*stage.size, 1), np.float32) * weight
      continue
    current = resize.probabilities(current, stage.size)
    held = resize.probabilities(held, stage.size)
    share = _share(stage.grid, result.windows)[..., None]
    current = current + share * (own - current) * weight / (held + weight)
    current = current / current.sum(-1, keepdims=True)
    held = held + weight * share
  return resize.probabilities(current, SIZE)


@pytest.mark.parametrize('overlap', [0.0, (0.3, 0.0)])
@pytest.mark.parametrize('last', [1.0, 0.8])
@pytest.mark.parametrize('weights', [(), (1.0, 2.0, 0.5), (1.0, 0.0)])
def test_all_windows_give_the_mean_of_the_stages(weights, last, overlap):
  stages = _plan(overlap=overlap, last=last)
  cascade = toy_networks.mean_cascade(stage_weights=weights)
  results = list(cascade.stages(IMAGE, stages))
  for result in results:
    toy_networks.assert_probabilities(result)
  each = [cascade.options.stage_weight(s.index) for s in stages]
  found = results[-1].probabilities
  np.testing.assert_allclose(
    found, _slowly(cascade, stages, results, each), atol=2e-5
  )
  # The same as the mean of the enlarged maps, but for resizing in steps.
  own = _own_maps(cascade, stages)
  expected = sum(
    np.float32(weight[0]) * resize.probabilities(maps, SIZE)
    for weight, maps in zip(each, own, strict=False)
  ) / sum(weight[0] for weight in each[: len(own)])
  assert np.abs(found - expected).mean() < 0.02


@pytest.mark.parametrize('windows', [1.0, (0.5,)])
def test_classes_have_trends_of_their_own(windows):
  stages = _plan(overlap=(0.3, 0.0))
  trends = np.linspace(-1, 1, toy_networks.CLASSES)
  cascade = toy_networks.mean_cascade(
    stage_weights=(2.0, 1.0), trends=tuple(trends.tolist()), windows=windows
  )
  results = list(cascade.stages(IMAGE, stages))
  for result in results:
    toy_networks.assert_probabilities(result)
  each = [
    weight * np.exp(index * trends)
    for index, weight in enumerate([2.0, *[1.0] * (len(stages) - 1)])
  ]
  off = np.abs(
    results[-1].probabilities - _slowly(cascade, stages, results, each)
  )
  # Where windows overlap, each is made to sum to 1 before they are blended.
  assert off.max() < (0.05 if windows == 1.0 else 0.2)
  assert np.median(off) < 1e-5


@pytest.mark.parametrize('count', [1, 3])
def test_windows_that_are_left_out_keep_what_they_hold(count):
  stages = _plan(factor=1.2, overlap=0.0)
  cascade = toy_networks.mean_cascade(windows=count)
  results = list(cascade.stages(IMAGE, stages))
  assert [len(r.windows) for r in results[1:]] == [count] * (len(stages) - 1)
  found = results[-1].probabilities
  expected = _slowly(cascade, stages, results, [(1.0,)] * len(stages))
  off = np.abs(found - expected).max(-1)
  # At the seams the map before mixes pixels that hold one stage more or less.
  assert np.median(off) < 1e-5 and np.mean(off > 0.01) < 0.2
  assert off.max() < 0.2
  nothing = toy_networks.mean_cascade(min_uncertainty=1.0)
  first, *_, last = nothing.stages(IMAGE, stages)
  assert last.windows == ()
  plain = first.probabilities
  for stage in stages[1:]:
    plain = resize.probabilities(plain, stage.size)
  np.testing.assert_allclose(last.probabilities, plain, atol=1e-5)


def test_windows_larger_than_the_network_keep_the_coarse_map_sharp():
  """Only O is enlarged from the network's size, not the map before."""
  cascade = toy_networks.mean_cascade(network=(8, 8), stage_weights=(1.0, 0.0))
  stages = _plan()
  results = list(cascade.stages(IMAGE, stages))
  plain = results[0].probabilities
  for stage in stages[1:]:
    plain = resize.probabilities(plain, stage.size)
  np.testing.assert_allclose(results[-1].probabilities, plain, atol=1e-4)


def test_neither_a_median_nor_an_order_is_computed():
  image = np.zeros((1, 16, 16, 3), np.uint8)
  arrays = {
    'images': image,
    'coarse': np.ones((1, 10, 10, 3), np.float32),
    'offsets': np.zeros((1, 2), np.float32),
    'ratios': np.full((1, 2), 0.5, np.float32),
    'valid': np.full((1, 2), 16, np.int32),
    'points': np.full(1, 9, np.int32),
    'depth': np.ones((1, 16, 16, 1), np.float32),
  }

  def run(**arrays):
    return refine_step.refine_windows(
      toy_networks.pixelwise, mean.refiner(),
      window=(16, 16), kernel=5, most=200, **arrays,
    )  # fmt: skip

  text = jax.jit(run).lower(**arrays).compile().as_text()
  # The median filter works on bits, and the choice on a sorted order.
  assert 'TopK' not in text and 'sort' not in text and 'xor' not in text


@pytest.mark.parametrize(
  'weights', [(0.0, 1.0), (1.0, -1.0), (1.0, float('inf'))]
)
def test_bad_weights_are_refused(weights):
  with pytest.raises(InputError, match='stage_weights'):
    toy_networks.mean_cascade(stage_weights=weights)


def test_bad_trends_are_refused():
  with pytest.raises(InputError, match=r'trends \(9\.0,\)'):
    toy_networks.mean_cascade(trends=(9.0,))
