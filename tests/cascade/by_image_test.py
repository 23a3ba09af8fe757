"""Points ranked over a whole stage, beside the sums of windows in NumPy."""

import math

import numpy as np
import pytest
import toy_networks

from magnet_jax.ops import resize, windows

pytestmark = pytest.mark.usefixtures('one_device')
SIZE = (48, 40)
POINTS = 0.3


def _last_two(segmenter, **options):
  cascade = toy_networks.cascade(
    segmenter,
    toy_networks.mixing,
    points=POINTS,
    selection='image',
    **options,
  )
  image = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8)
  stages = toy_networks.make_plan(SIZE, overlap=0.5)
  return image, *cascade.stages(image, stages)


def _covered(result):
  weight = np.zeros((*SIZE, 1), np.float32)
  for number in result.windows:
    top, left = result.stage.grid.corners[number]
    weight[top : top + 16, left : left + 16] = 1
  return weight[..., 0] > 0


def _reference(image, before, result, mix):
  """The map after the stage, and the points that are replaced."""
  grid = result.stage.grid
  y, o = resize.probabilities(before, SIZE), toy_networks.segmented(image)
  rows, columns = windows.grid_weights(grid)
  r, q, weight = (np.zeros((*SIZE, n)) for n in (o.shape[-1], 1, 1))
  for number in result.windows:
    top, left = grid.corners[number]
    area = np.s_[top : top + 16, left : left + 16]
    rolled = np.roll(y[area], 1, axis=0)
    found = toy_networks.softmax(4 * o[area] + 2 * rolled - 2 * y[area])
    unsure = (toy_networks.unsure(maps) for maps in (y[area], found))
    first, second = (maps[..., None] for maps in unsure)
    i, j = divmod(number, len(grid.lefts))
    share = np.outer(rows[i], columns[j])[..., None]
    r[area] += share * found
    q[area] += share * first * (1 - second)
    weight[area] += share
  scores = np.where(weight > 0, q, -1)[..., 0]
  count = math.ceil(POINTS * np.count_nonzero(weight))
  chosen = np.zeros(scores.size, bool)
  chosen[np.argsort(-scores, axis=None, kind='stable')[:count]] = True
  chosen = chosen.reshape(SIZE)
  found = np.where(chosen[..., None], r + (1 - weight) * y, y)
  return found + mix * weight * (o - found), chosen


@pytest.mark.parametrize('mix', [0.0, 0.25])
@pytest.mark.parametrize('count', [1, 3, 20])
def test_overlapping_windows_of_which_some_are_left_out(count, mix):
  image, first, last = _last_two(toy_networks.pixelwise, windows=count, mix=mix)
  assert len(last.windows) == count
  wanted, chosen = _reference(image, first.probabilities, last, mix)
  assert last.chosen.sum() == chosen.sum()
  # Rounding may swap two points of nearly one score at the border of K.
  alike = last.chosen == chosen
  assert alike.mean() > 0.995
  np.testing.assert_allclose(
    last.probabilities[alike], wanted[alike], atol=1e-5
  )


@pytest.mark.parametrize('mix', [0.0, 0.25])
def test_one_class_of_which_all_scores_are_alike(mix):
  segmenter = toy_networks.random_segmenter(classes=1)
  _, _, last = _last_two(segmenter, windows=3, mix=mix)
  assert last.probabilities.shape == (*SIZE, 1)
  np.testing.assert_allclose(last.probabilities, 1, atol=1e-6)
  covered = _covered(last)
  assert 0 < covered.sum() < covered.size
  assert not last.chosen[~covered].any()
  assert last.chosen.sum() == math.ceil(POINTS * covered.sum())
