import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.cascade import plan, stage_windows
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.ops import resize, windows


def _maps(size, classes=3, seed=0):
  values = np.random.default_rng(seed).random((*size, classes), np.float32)
  return (values / values.sum(-1, keepdims=True)).astype(np.float32)


# Stage sizes, the size of the stage before, and windows that do not divide.
GRIDS = [
  ((32, 32), (16, 16), (16, 16), 0.0),
  ((33, 47), (16, 23), (16, 16), 0.0),
  ((50, 50), (16, 16), (16, 12), 0.4),
  ((17, 17), (16, 16), (16, 16), 0.0),
  ((1, 40), (1, 16), (16, 16), 0.0),
  ((9, 40), (4, 16), (16, 16), 0.2),  # padding below every window
  ((24, 24), (24, 24), (16, 16), 0.0),  # the stage before is as large
]


@pytest.mark.parametrize(('size', 'before', 'window', 'overlap'), GRIDS)
def test_a_sampled_piece_is_a_crop_of_the_resized_map(
  size, before, window, overlap
):
  coarse = _maps(before)
  whole = resize.probabilities(coarse, size)
  grid = windows.make_grid(size, window, overlap)
  shapes = set()
  for number in range(len(grid)):
    piece, offset, ratio = stage_windows.coarse_piece(
      InMemory(coarse), grid, number
    )
    shapes.add(piece.shape)
    assert offset.dtype == ratio.dtype == np.float32
    found = resize.sample(
      jnp.asarray(piece),
      offset=jnp.asarray(offset),
      ratio=jnp.asarray(ratio),
      size=window,
    )
    area = stage_windows.inside(grid, number)
    rows, columns = whole[area].shape[:2]
    np.testing.assert_allclose(
      np.asarray(found)[:rows, :columns], whole[area], atol=2e-5
    )
  assert len(shapes) == 1  # all windows of a stage: one compile


def test_pieces_are_small():
  grid = windows.make_grid((640, 640), (64, 64))
  piece, _, _ = stage_windows.coarse_piece(InMemory(_maps((320, 320))), grid, 5)
  assert piece.shape == (35, 35, 3)


def test_pieces_of_images_of_any_size_have_few_shapes():
  shapes = set()
  rng = np.random.default_rng(0)
  for height, width in rng.integers(17, 200, (300, 2)):
    stages = plan.make_plan((int(height), int(width)), window=(16, 16))
    for before, stage in itertools.pairwise(stages):
      maps = InMemory(np.zeros((*before.size, 1), np.float32))
      piece, _, _ = stage_windows.coarse_piece(maps, stage.grid, 0)
      shapes.add(piece.shape)
  assert len(shapes) <= 9


def test_windows_at_another_network_size_show_the_same_ramp():
  size, network = (61, 100), (50, 50)
  ramp = np.arange(100)[None, :, None] * 2.4
  image = np.broadcast_to(ramp, (*size, 3)).round().astype(np.uint8)
  coarse = resize.probabilities(image.astype(np.float32), (31, 50))
  grid = windows.make_grid(size, (61, 61))
  for number, (_, left) in enumerate(grid.corners):
    seen = stage_windows.arrays(
      InMemory(image), InMemory(coarse), grid, number, network
    )
    expected = (left + (np.arange(50) + 0.5) * 61 / 50 - 0.5) * 2.4
    assert seen['images'].shape == (50, 50, 3)
    difference = seen['images'][25, :, 0] - expected
    assert np.abs(difference).max() <= 1.1  # of 2.4 a pixel; both are rounded
    assert abs(difference.mean()) < 0.2
    sampled = resize.sample(
      jnp.asarray(seen['coarse']),
      offset=jnp.asarray(seen['offsets']),
      ratio=jnp.asarray(seen['ratios']),
      size=network,
    )
    difference = np.asarray(sampled)[25, 1:-1, 0] - expected[1:-1]
    assert np.abs(difference).max() <= 0.6
    assert abs(difference.mean()) < 0.1
    assert seen['valid'].tolist() == [50, 50]


@pytest.mark.parametrize(
  ('size', 'window', 'network', 'expected'),
  [
    ((40, 40), (16, 16), (16, 16), (16, 16)),
    ((9, 40), (16, 16), (16, 16), (9, 16)),
    ((1, 1), (16, 16), (16, 16), (1, 1)),
    ((61, 30), (61, 61), (50, 50), (50, 25)),
    ((1, 61), (61, 61), (50, 50), (1, 50)),
    ((60, 61), (61, 61), (50, 50), (50, 50)),
  ],
)
def test_valid_rows_and_columns(size, window, network, expected):
  grid = windows.make_grid(size, window)
  for number in range(len(grid)):
    found = stage_windows.valid(grid, number, network)
    assert found.dtype == np.int32
    assert tuple(found) == expected


@pytest.mark.parametrize(('size', 'before', 'window', 'overlap'), GRIDS)
def test_upsampled_in_parts_is_the_resized_map(size, before, window, overlap):
  del overlap
  coarse = _maps(before)
  whole = resize.probabilities(coarse, size)
  for top in range(0, size[0], window[0]):
    for left in range(0, size[1], window[1]):
      area = whole[top : top + window[0], left : left + window[1]]
      found = stage_windows.upsampled(
        InMemory(coarse), size, (top, left, *area.shape[:2])
      )
      assert found.dtype == np.float32
      np.testing.assert_allclose(found, area, atol=1e-5)


def test_arrays_have_one_shape_for_all_windows_of_a_stage():
  size = (37, 53)
  image = np.zeros((*size, 3), np.uint8)
  for stage in plan.make_plan(size, window=(16, 16), overlap=0.3)[1:]:
    coarse = _maps((stage.size[0] // 2, stage.size[1] // 2))
    shapes = {
      tuple(
        (name, array.shape, array.dtype.name)
        for name, array in stage_windows.arrays(
          InMemory(resize.image(image, stage.size)),
          InMemory(coarse),
          stage.grid,
          number,
          (16, 16),
        ).items()
      )
      for number in range(len(stage.grid))
    }
    assert len(shapes) == 1
