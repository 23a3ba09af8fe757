"""The whole method: against a NumPy version; probabilities at every stage."""

import numpy as np
import pytest
import toy_networks

from magnet_jax.cascade.labels import predict
from magnet_jax.ops import resize

pytestmark = pytest.mark.usefixtures('one_device')


@pytest.mark.parametrize(
  ('size', 'selection'),
  [
    ((5, 7), 'window'),
    ((16, 16), 'window'),
    ((17, 17), 'window'),
    ((16, 17), 'image'),
    ((40, 50), 'window'),
    ((40, 50), 'image'),
    ((1, 40), 'window'),
    ((40, 1), 'image'),
    ((1, 1), 'window'),
  ],
)
def test_probabilities_after_every_stage(size, selection):
  cascade = toy_networks.random_cascade(points=0.5, selection=selection)
  stages = toy_networks.make_plan(size, stages=3, overlap=0.25)
  results = list(cascade.stages(toy_networks.image(size), stages))
  assert [r.stage for r in results] == list(stages)
  assert results[0].chosen is None
  for result in results:
    toy_networks.assert_probabilities(result)
  for result in results[1:]:
    assert result.chosen.shape == result.stage.size
    assert result.windows == tuple(range(len(result.stage.grid)))
  labels = predict(results[-1].probabilities)
  assert labels.shape == size and labels.dtype == np.uint8


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_windows_larger_than_the_network_keep_probabilities(selection):
  size = (80, 100)
  cascade = toy_networks.random_cascade(
    network=(50, 50), points=0.5, selection=selection
  )
  stages = toy_networks.make_plan(size, window=(61, 61), overlap=0.1)
  for result in cascade.stages(toy_networks.image(size), stages):
    toy_networks.assert_probabilities(result)


def _reference(image, stages, points, selection):
  """The whole method in NumPy, for windows that do not overlap.

  Choices follow the largest scores, ties by the order of the pixels.
  """
  y = toy_networks.segmented(resize.image(image, stages[0].size))
  y = y.astype(np.float32)
  for stage in stages[1:]:
    y = resize.probabilities(y, stage.size)
    o = toy_networks.segmented(resize.image(image, stage.size))
    r = np.zeros_like(y)
    for top, left in stage.grid.corners:
      area = np.s_[top : top + 16, left : left + 16]
      rolled = np.roll(y[area], 1, axis=0)
      r[area] = toy_networks.softmax(4 * o[area] + 2 * rolled - 2 * y[area])
    q = toy_networks.unsure(y) * (1 - toy_networks.unsure(r))
    areas = (
      [np.s_[t : t + 16, u : u + 16] for t, u in stage.grid.corners]
      if selection == 'window'
      else [np.s_[:, :]]
    )
    for area in areas:
      scores = q[area]
      order = np.argsort(-scores, axis=None, kind='stable')
      chosen = np.zeros(scores.size, bool)
      chosen[order[: int(np.ceil(points * scores.size))]] = True
      chosen = chosen.reshape(scores.shape)
      y[area][chosen] = r[area][chosen]
  return y


@pytest.mark.parametrize('selection', ['window', 'image'])
@pytest.mark.parametrize('points', [0.3, 1.0])
def test_equals_the_method_written_in_numpy(points, selection):
  rng = np.random.default_rng(1)
  image = rng.integers(0, 256, (64, 32, 3), np.uint8)  # no ties of scores
  stages = toy_networks.make_plan((64, 32), stages=3)
  assert [len(stage.grid) for stage in stages] == [1, 2, 8]
  cascade = toy_networks.cascade(
    toy_networks.pixelwise,
    toy_networks.mixing,
    points=points,
    selection=selection,
  )
  found = cascade.segment(image, stages)
  expected = _reference(image, stages, points, selection)
  # Rounding may swap two points of nearly one score at the border of K.
  differs = np.abs(found - expected).max(-1) > 1e-4
  assert differs.mean() < 0.005
  if points == 1.0:
    assert not differs.any()


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_number_of_chosen_points(selection):
  size = (32, 32)
  cascade = toy_networks.random_cascade(points=37, selection=selection)
  stages = toy_networks.make_plan(size)
  _, last = cascade.stages(toy_networks.image(size), stages)
  assert last.chosen.sum() == (37 if selection == 'image' else 4 * 37)


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_one_class(selection):
  size = (40, 50)
  segmenter = toy_networks.random_segmenter(classes=1)
  cascade = toy_networks.cascade(
    segmenter, toy_networks.mixing, points=0.5, selection=selection
  )
  found = cascade.segment(
    toy_networks.image(size), toy_networks.make_plan(size)
  )
  assert found.shape == (*size, 1)
  np.testing.assert_allclose(found, 1, atol=1e-6)
