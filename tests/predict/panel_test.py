import numpy as np
import pytest

from magnet_jax import types
from magnet_jax.predict import panel, panel_cells

_CLASSES = types.ClassTable(('soil', 'leaf'), ((110, 84, 62), (64, 178, 92)))


def _scene(size=(300, 400)):
  rng = np.random.default_rng(0)
  image = rng.integers(0, 255, (*size, 3)).astype(np.uint8)
  truth = np.zeros(size, np.uint8)
  truth[size[0] // 3 :, size[1] // 2 :] = 1
  return image, truth


def _views(truth):
  coarse = np.zeros((8, 10), np.uint8)
  return [
    panel.StageView('coarse', coarse, np.full((8, 10), 0.5, np.float32)),
    panel.StageView(
      'result', truth, np.zeros(truth.shape, np.float32), truth > 0
    ),
  ]


def _height(rows, shape=(90, 120)):
  return rows * (shape[0] + 36)


@pytest.mark.parametrize(
  ('crop', 'with_truth', 'rows'),
  [(64, True, 5), (64, False, 4), (400, True, 3), (400, False, 3)],
)
def test_rows_follow_what_there_is(crop, with_truth, rows):
  image, truth = _scene()
  found = panel.panel(
    image,
    _views(truth),
    _CLASSES,
    truth=truth if with_truth else None,
    cell=120,
    crop=crop,
  )
  assert found.dtype == np.uint8
  assert found.shape[1] == 3 * 120 + 4 * 16
  assert _height(rows) < found.shape[0] < _height(rows) + 126


def test_one_bare_stage_is_enough():
  image, truth = _scene()
  view = panel.StageView('a title far too long for so small a cell', truth)
  found = panel.panel(image, [view], _CLASSES, cell=60)
  assert found.shape[1] == 2 * 60 + 3 * 16


@pytest.mark.parametrize('size', [(1, 1), (1, 700), (900, 2), (40, 40)])
def test_any_size_is_drawn(size):
  image, truth = _scene(size)
  views = _views(np.zeros(size, np.uint8))
  panel.panel(image, views, _CLASSES, truth=truth, cell=80, crop=32)


def test_bad_input_is_named():
  image, truth = _scene()
  with pytest.raises(types.InputError, match='0 stages'):
    panel.panel(image, [], _CLASSES)
  with pytest.raises(types.InputError, match='truth of size'):
    panel.panel(image, _views(truth), _CLASSES, truth=truth[1:])


def test_samples_of_a_coarse_map_are_those_of_the_enlarged():
  rng = np.random.default_rng(1)
  coarse = rng.integers(0, 9, (5, 7)).astype(np.uint8)
  large = np.kron(coarse, np.ones((8, 8), np.uint8))
  for window, size in (((0, 0, 40, 56), (40, 56)), ((3, 11, 20, 30), (10, 15))):
    np.testing.assert_array_equal(
      panel_cells.sample(coarse, (40, 56), window, size),
      panel_cells.sample(large, (40, 56), window, size),
    )
  np.testing.assert_array_equal(
    panel_cells.sample(coarse, (40, 56), (0, 0, 40, 56), (40, 56)), large
  )


def test_mistakes_are_counted_where_there_is_a_truth():
  background = np.zeros((12, 12, 3), np.uint8)
  truth = np.zeros((12, 12), np.uint8)
  truth[:6] = 255
  label = truth.copy()
  label[:, :3] = 1
  picture, share = panel_cells.mistakes(
    label, truth, 2, (0, 0, 12, 12), background
  )
  assert share == pytest.approx(1 / 4)
  np.testing.assert_array_equal(picture[8, 1], panel_cells.MISTAKE)
  assert not picture[:6].any()
  assert not picture[6:, 3:].any()
  truth[:] = 255
  _, share = panel_cells.mistakes(label, truth, 2, (0, 0, 12, 12), background)
  assert np.isnan(share)


def test_a_single_point_of_many_is_seen():
  mask = np.zeros((300, 400), bool)
  mask[151, 222] = True
  shown = panel_cells.points(mask, np.zeros((30, 40, 3), np.uint8))
  assert np.argwhere(shown.any(-1)).tolist() == [[15, 22]]


def test_the_detail_is_where_the_stages_differ():
  first = np.zeros((1500, 2000), np.uint8)
  last = first.copy()
  last[1100:1130, 300:330] = 1
  top, left, height, width = panel_cells.busiest_window(
    first, last, first.shape, (150, 200)
  )
  assert (height, width) == (150, 200)
  assert top <= 1100
  assert top + 150 >= 1130
  assert left <= 300
  assert left + 200 >= 330
  corner = first.copy()
  corner[-2:, -2:] = 1
  top, left, _, _ = panel_cells.busiest_window(
    first, corner, first.shape, (150, 200)
  )
  assert (top, left) == (1350, 1800)
