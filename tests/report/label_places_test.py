import numpy as np

from magnet_jax.report import label_places

ROOM = (0.0, 0.0, 500.0, 300.0)


def test_a_free_place_is_below_to_the_right_or_above():
  low = label_places.beside((100, 100), (50, 12), [], ROOM)
  high = label_places.beside((100, 100), (50, 12), [], ROOM, above=True)
  assert low[0] == high[0] > 100
  assert low[1] > 100 > high[3]


def test_words_of_close_points_keep_apart():
  points = [(100, 100), (126, 98), (118, 110)]
  dots = [(x - 4, y - 4, x + 4, y + 4) for x, y in points]
  taken = list(dots)
  for point in points:
    box = label_places.beside(point, (60, 12), taken, ROOM)
    assert sum(label_places.shared(box, other) for other in taken) == 0
    taken.append(box)


def test_words_stay_in_the_room():
  for point in ((0, 0), (500, 0), (0, 300), (500, 300), (250, 299)):
    box = label_places.beside(point, (60, 12), [], ROOM)
    assert label_places.shared(box, ROOM) == 60 * 12


def test_what_is_shared_is_as_counted():
  rng = np.random.default_rng(0)
  for _ in range(20):
    masks = np.zeros((2, 20, 20), bool)
    boxes = []
    for mask in masks:
      (a, c), (b, d) = (np.sort(rng.integers(0, 20, 2)) for _ in range(2))
      mask[b:d, a:c] = True
      boxes.append((a, b, c, d))
    assert label_places.shared(*boxes) == masks.all(0).sum()
