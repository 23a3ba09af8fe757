import math

import disagreement
import numpy as np
import pytest

from magnet_jax import types
from magnet_jax.files import images
from magnet_jax.predict import panel_cells

CLASSES = types.ClassTable(
  ('soil', 'leaf', 'weed'), ((110, 84, 62), (64, 178, 92), (220, 50, 47))
)


def _maps(size=(60, 80)):
  """Image, two segmentations with 255 among them, and a truth."""
  rng = np.random.default_rng(0)
  image = rng.integers(0, 255, (*size, 3)).astype(np.uint8)
  first, second, truth = (
    rng.choice(np.array([0, 1, 2, 255], np.uint8), size, p=(0.7, 0.1, 0.1, 0.1))
    for _ in range(3)
  )
  return image, first, second, truth


def test_counts_are_those_of_a_loop(monkeypatch):
  monkeypatch.setattr(disagreement, '_BLOCK', 7 * 80)
  _, first, second, truth = _maps()
  found = disagreement.compare(first, second, CLASSES, truth=truth)
  counts, right = np.zeros((3, 3), int), np.zeros((2, 3, 3), int)
  for a, b, t in zip(first.flat, second.flat, truth.flat, strict=True):
    if a < 3 and b < 3:
      counts[a, b] += 1
      right[0, a, b] += a == t
      right[1, a, b] += b == t
  np.testing.assert_array_equal(found.counts, counts)
  np.testing.assert_array_equal(found.right, right)
  assert found.pixels == counts.sum()
  assert found.share == pytest.approx(1 - np.trace(counts) / counts.sum())
  ordered = [counts[pair] for pair in found.pairs]
  assert ordered == sorted(ordered, reverse=True)
  assert len(ordered) == 6


def test_the_table_names_classes_and_who_is_right():
  first = np.zeros((10, 10), np.uint8)
  second, truth = first.copy(), first.copy()
  second[:2] = 1
  second[9, 9] = 2
  truth[0] = 1
  found = disagreement.compare(
    first, second, CLASSES, names=('old', 'new'), truth=truth
  )
  table = found.table(most=1)
  assert table.head[:2] == ('old says', 'new says')
  assert table.body == (('soil', 'leaf', '20', '20.00', '50', '50'),)
  assert '21 of 100 pixels differ, 21.00 %.' in str(table)
  assert '1 further' in str(table)


def test_equal_ones_and_those_without_labels():
  label = np.ones((8, 8), np.uint8)
  same = disagreement.compare(label, label, CLASSES)
  assert same.share == 0
  assert same.pairs == []
  assert same.right is None
  assert same.table().body == ()
  blank = np.full((8, 8), 255, np.uint8)
  none = disagreement.compare(blank, label, CLASSES)
  assert math.isnan(none.share)
  assert '0 of 0 pixels' in str(none.table())
  image = np.zeros((8, 8, 3), np.uint8)
  disagreement.draw(image, blank, label, none, cell=40)


def test_files_that_segment_wrote_are_compared(tmp_path):
  _, first, second, _ = _maps()
  for name, label in (('a.png', first), ('b.png', second)):
    images.write_label(tmp_path / name, label, CLASSES)
  read = [
    images.read_label(tmp_path / name, CLASSES) for name in ('a.png', 'b.png')
  ]
  np.testing.assert_array_equal(
    disagreement.compare(*read, CLASSES).counts,
    disagreement.compare(first, second, CLASSES).counts,
  )


@pytest.mark.parametrize(
  ('truthful', 'crop', 'columns', 'rows'),
  [(True, 30, 3, 4), (True, 80, 3, 2), (False, 30, 4, 2), (False, 80, 4, 1)],
)
def test_the_panel_has_what_there_is(truthful, crop, columns, rows):
  image, first, second, truth = _maps()
  given = truth if truthful else None
  found = disagreement.compare(first, second, CLASSES, truth=given)
  picture = disagreement.draw(
    image, first, second, found, truth=given, cell=80, crop=crop
  )
  height, width = picture.pixels.shape[:2]
  assert width == columns * 80 + (columns + 1) * 16
  # The legend takes some lines.
  assert rows * (60 + 36) < height < rows * (60 + 36) + 330
  shown, _ = picture._repr_mimebundle_()
  assert shown['image/jpeg'].startswith(b'\xff\xd8')


@pytest.mark.parametrize('size', [(1, 1), (1, 300), (200, 3)])
def test_any_size_is_drawn(size):
  image, first, second, truth = _maps(size)
  found = disagreement.compare(first, second, CLASSES, truth=truth)
  picture = disagreement.draw(
    image, first, second, found, truth=truth, cell=40, crop=16
  )
  # Three columns, of two rows without a detail and of four with one.
  height, width, _ = picture.pixels.shape
  scale = 40 / max(size)
  cell_height, cell_width = (max(1, round(side * scale)) for side in size)
  assert width >= 3 * cell_width
  assert height > (2 if max(size) < 24 else 4) * cell_height
  assert picture.pixels.dtype == np.uint8
  assert len(np.unique(picture.pixels.reshape(-1, 3), axis=0)) > 3


def test_other_sizes_are_refused():
  image, first, second, truth = _maps()
  with pytest.raises(types.InputError, match='second segmentation of size'):
    disagreement.compare(first, second[1:], CLASSES)
  with pytest.raises(types.InputError, match='truth of size'):
    disagreement.compare(first, second, CLASSES, truth=truth[1:])
  found = disagreement.compare(first, second, CLASSES)
  with pytest.raises(types.InputError, match='image of size'):
    disagreement.draw(image[1:], first, second, found)


def test_marks_keep_their_colours_and_places():
  codes = np.zeros((30, 39), int)
  codes[3:6] = 1
  codes[9:12, :18] = 2
  colours = (255, 0, 0), (0, 0, 255)
  background = np.full((10, 13, 3), 100, np.uint8)
  picture = panel_cells.marked(codes, colours, background)
  np.testing.assert_array_equal(picture[1], [[255, 0, 0]] * 13)
  np.testing.assert_array_equal(picture[3, :6], [[0, 0, 255]] * 6)
  assert len(np.unique(picture[[0, 2, 4, 9]])) == 1
