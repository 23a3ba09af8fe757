import numpy as np
import pytest

from magnet_jax.ops import offsets


def _slow(array, codes):
  """Each pixel on its own, by the words of the paper."""
  height, width = codes.shape
  moved = np.empty_like(array)
  for y in range(height):
    for x in range(width):
      code = codes[y, x]
      down, right = 0.0, 0.0
      if code:
        down, right = offsets.DIRECTIONS[code - 1]
        length = (down**2 + right**2) ** 0.5
        down, right = 2 * down / length, 2 * right / length
      row = min(max(y + round(down), 0), height - 1)
      column = min(max(x + round(right), 0), width - 1)
      moved[y, x] = array[row, column]
  return moved


def test_moves_are_two_pixels_or_one_diagonally():
  assert offsets.MOVES.tolist() == [
    [0, 0],
    [0, -2],
    [-1, -1],
    [-2, 0],
    [-1, 1],
    [0, 2],
    [1, 1],
    [2, 0],
    [1, -1],
  ]
  assert offsets.REACH == 2 and offsets.CODES == 9


@pytest.mark.parametrize('shape', [(1, 1), (1, 7), (5, 1), (9, 11)])
@pytest.mark.parametrize('channels', [(), (1,), (3,)])
def test_apply_equals_plain_indexing(shape, channels):
  rng = np.random.default_rng(0)
  codes = rng.integers(0, offsets.CODES, shape).astype(np.uint8)
  array = rng.random((*shape, *channels), dtype=np.float32)
  before = array.copy()
  np.testing.assert_array_equal(
    offsets.apply(array, codes), _slow(array, codes)
  )
  np.testing.assert_array_equal(array, before)


def test_no_outline_changes_nothing():
  label = np.arange(12, dtype=np.uint8).reshape(3, 4)
  found = offsets.apply(label, np.zeros((3, 4), np.uint8))
  np.testing.assert_array_equal(found, label)
  assert found.dtype == label.dtype


def test_the_most_probable_class_moves_with_its_probabilities():
  rng = np.random.default_rng(1)
  maps = rng.random((6, 8, 4))
  codes = rng.integers(0, offsets.CODES, (6, 8)).astype(np.uint8)
  np.testing.assert_array_equal(
    offsets.apply(maps, codes).argmax(-1),
    offsets.apply(maps.argmax(-1), codes),
  )


def test_encode_is_zero_away_from_outlines():
  direction = np.eye(8, dtype=np.float32)[None]
  boundary = np.array([[0.9, 0.5, 0.6, 0.4, 1, 0, 0.51, 0.7]], np.float32)
  codes = offsets.encode(boundary, direction)
  assert codes.tolist() == [[1, 0, 3, 0, 5, 0, 7, 8]]
  assert codes.dtype == np.uint8
