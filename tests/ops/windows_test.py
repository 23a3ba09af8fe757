import itertools

import numpy as np
import pytest

from magnet_jax.ops import windows
from magnet_jax.types import InputError

LENGTHS = [1, 2, 15, 16, 17, 31, 32, 33, 47, 100, 257]


@pytest.mark.parametrize('overlap', [0.0, 0.25, 0.5, 0.9, 0.99])
@pytest.mark.parametrize('window', [1, 2, 16])
def test_starts_cover_the_axis_exactly(window, overlap):
  for length in LENGTHS:
    starts = windows.axis_starts(length, window, overlap)
    assert starts[0] == 0
    assert starts == tuple(sorted(set(starts)))
    assert starts[-1] == max(0, length - window)  # flush with the edge
    stride = max(1, int(window * (1 - overlap)))
    for one, other in itertools.pairwise(starts):
      assert other - one <= stride, (length, starts)
    if length > window:
      fewest = -(-(length - window) // stride) + 1
      assert len(starts) == fewest


def test_multiples_of_a_window_do_not_overlap():
  assert windows.axis_starts(64, 16) == (0, 16, 32, 48)


def test_seams_share_a_remainder():
  assert windows.axis_starts(50, 16) == (0, 11, 22, 34)


@pytest.mark.parametrize(
  ('size', 'window', 'count'),
  [
    ((2448, 2448), (612, 612), 16),
    ((1024, 2048), (128, 256), 64),
    ((612, 612), (612, 612), 1),
    ((5, 400), (16, 16), 25),
    ((1, 1), (16, 16), 1),
    ((17, 16), (16, 16), 2),
  ],
)
def test_number_of_windows(size, window, count):
  grid = windows.make_grid(size, window)
  assert len(grid) == len(grid.corners) == count


@pytest.mark.parametrize(
  ('length', 'window', 'overlap'),
  [(0, 4, 0.0), (4, 0, 0.0), (4, 2, 1.0), (4, 2, -0.1), (4, 2, float('nan'))],
)
def test_refuses_values_out_of_range(length, window, overlap):
  with pytest.raises(InputError):
    windows.axis_starts(length, window, overlap)


def test_a_cut_inside_is_a_view():
  array = np.arange(60).reshape(6, 10)
  piece = windows.cut(array, (1, 2), (3, 4))
  np.testing.assert_array_equal(piece, array[1:4, 2:6])
  assert np.shares_memory(piece, array)


def test_a_cut_that_overhangs_repeats_the_edge():
  array = np.arange(6).reshape(2, 3, 1)
  piece = windows.cut(array, (1, 1), (3, 4))
  assert piece[..., 0].tolist() == [[4, 5, 5, 5]] * 3


@pytest.mark.parametrize('overlap', [0.0, 0.3, 0.75])
@pytest.mark.parametrize('window', [1, 3, 16])
def test_weights_of_an_axis_sum_to_one(window, overlap):
  for length in LENGTHS:
    starts = windows.axis_starts(length, window, overlap)
    weights = windows.axis_weights(length, window, starts)
    assert weights.shape == (len(starts), window)
    assert weights.dtype == np.float32
    total = np.zeros(max(length, window))
    for start, weight in zip(starts, weights, strict=True):
      total[start : start + window] += weight
    np.testing.assert_allclose(total[:length], 1, atol=1e-6)
    assert (total[length:] == 0).all()
    inside = np.asarray(starts)[:, None] + np.arange(window) < length
    assert (weights[inside] > 0).all()


def test_a_pixel_of_one_window_has_weight_one_exactly():
  assert (windows.axis_weights(48, 16, (0, 16, 32)) == 1).all()


def test_weights_fall_off_towards_a_seam():
  first, second = windows.axis_weights(24, 16, (0, 8))
  assert (np.diff(first[8:]) < 0).all()
  np.testing.assert_allclose(first, second[::-1])
