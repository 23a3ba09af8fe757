"""Nested windows."""

import numpy as np
import pytest

from magnet_jax.data import zoom_paths
from magnet_jax.ops import windows
from magnet_jax.types import Stage


def _stages(sizes, window):
  return tuple(
    Stage(s, windows.make_grid(size, window)) for s, size in enumerate(sizes)
  )


PYRAMIDS = {
  'halves': _stages([(24, 32), (48, 64), (96, 128), (192, 256)], (24, 32)),
  'odd': _stages([(23, 31), (51, 69), (113, 153)], (24, 32)),
  'strip': _stages([(1, 32), (1, 65), (2, 131)], (24, 32)),
  'one more': _stages([(24, 32), (25, 33)], (24, 32)),
  'small': _stages([(5, 7)], (24, 32)),
  'nearly equal': _stages([(24, 32), (100, 120), (101, 121)], (24, 32)),
}


@pytest.mark.parametrize('name', PYRAMIDS)
def test_each_window_lies_in_the_one_before(name):
  stages = PYRAMIDS[name]
  rng = np.random.default_rng(0)
  for _ in range(200):
    path = zoom_paths.draw_path(rng, stages)
    offsets, ratios = zoom_paths.places(path, (24, 32))
    assert offsets.dtype == ratios.dtype == np.float32
    np.testing.assert_array_equal(offsets[0], 0)
    np.testing.assert_array_equal(ratios[0], 1)
    for s, stage in enumerate(stages):
      corner = np.array(path.corners[s])
      last = np.maximum(np.subtract(stage.size, stage.grid.window), 0)
      assert (corner >= 0).all() and (corner <= last).all()
      if not s:
        continue
      # What the window shows of the stage, without its padding.
      shown = np.minimum(stage.size - corner, stage.grid.window)
      end = offsets[s] + shown * ratios[s]
      slack = 1.0 if name == 'nearly equal' else 1e-4
      assert (offsets[s] >= 0).all() and (end <= (24 + slack, 32 + slack)).all()
      # r, and the corner by it, exactly as defined.
      ratio = np.divide(stages[s - 1].size, stage.size)
      np.testing.assert_allclose(ratios[s], ratio, rtol=1e-6)
      np.testing.assert_allclose(
        offsets[s], corner * ratio - path.corners[s - 1], atol=1e-4
      )


def test_every_possible_corner_is_drawn():
  stages = _stages([(4, 4), (8, 8)], (4, 4))
  rng = np.random.default_rng(0)
  drawn = {zoom_paths.draw_path(rng, stages).corners[1] for _ in range(600)}
  assert drawn == {(top, left) for top in range(5) for left in range(5)}
  stages = _stages([(8, 4), (16, 8)], (4, 4))
  drawn = {
    tuple(c[0] for c in zoom_paths.draw_path(rng, stages).corners)
    for _ in range(2000)
  }
  # Row t of the fine stage is row t / 2 of the coarse one, its window 2 high.
  assert drawn == {
    (top, fine)
    for fine in range(13)
    for top in range(5)
    if top <= fine / 2 and fine / 2 + 2 <= top + 4
  }


@pytest.mark.parametrize('name', PYRAMIDS)
def test_sampling_a_window_at_its_place_gives_the_next_one(name):
  stages = PYRAMIDS[name]
  network = (24, 32)

  def images(size):
    # Every pixel says where its centre lies in the full image: 0 … 1.
    rows = (np.arange(size[0]) + 0.5) / size[0]
    columns = (np.arange(size[1]) + 0.5) / size[1]
    grid = np.stack(np.meshgrid(rows, columns, indexing='ij'), -1)
    return grid.astype(np.float32), np.zeros(size, np.uint8)

  path = zoom_paths.draw_path(np.random.default_rng(1), stages)
  pieces, labels = zoom_paths.cut_path(path, images, network=network)
  offsets, ratios = zoom_paths.places(path, network)
  assert pieces.shape == (len(stages), *network, 2)
  for s in range(1, len(stages)):
    for axis in (0, 1):
      line = pieces[s].take(0, 1 - axis)[..., axis]
      above = pieces[s - 1].take(0, 1 - axis)[..., axis]
      inside = labels[s].take(0, 1 - axis) == 0
      centres = np.arange(network[axis]) + 0.5
      at = centres * ratios[s, axis] + offsets[s, axis] - 0.5
      found = np.interp(at, np.arange(network[axis]), above)
      # At the image's edge half a coarse pixel has no second neighbour.
      tolerance = 0.51 / stages[s - 1].size[axis]
      free = inside & (at >= 0) & (at <= network[axis] - 1)
      free &= (above[0] <= line) & (line <= above[-1])
      np.testing.assert_allclose(found[free], line[free], atol=1e-5)
      np.testing.assert_allclose(found[inside], line[inside], atol=tolerance)


def test_windows_of_another_size_than_the_network():
  stages = _stages([(20, 40), (40, 80), (80, 160)], (20, 40))
  path = zoom_paths.draw_path(np.random.default_rng(0), stages)
  own, own_ratios = zoom_paths.places(path, (20, 40))
  half, half_ratios = zoom_paths.places(path, (10, 20))
  np.testing.assert_allclose(half, own / 2)
  np.testing.assert_allclose(half_ratios, own_ratios)
  pieces, labels = zoom_paths.cut_path(
    path,
    lambda size: (np.ones((*size, 3), np.uint8), np.ones(size, np.uint8)),
    network=(10, 20),
  )
  assert pieces.shape == (3, 10, 20, 3) and (pieces == 1).all()
  assert labels.shape == (3, 10, 20) and (labels == 1).all()


def test_padding_is_ignored():
  path = zoom_paths.draw_path(np.random.default_rng(0), PYRAMIDS['small'])
  _, labels = zoom_paths.cut_path(
    path,
    lambda size: (np.ones((*size, 3), np.uint8), np.ones(size, np.uint8)),
    network=(24, 32),
  )
  assert (labels[0, :5, :7] == 1).all()
  assert (labels == 255).sum() == 24 * 32 - 35


def test_extend():
  arrays = {
    'images': np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3),
    'labels': np.ones((2, 2, 2), np.uint8),
    'offsets': np.full((2, 2), 0.5, np.float32),
    'ratios': np.full((2, 2), 0.5, np.float32),
  }
  assert zoom_paths.extend(arrays, 2) is arrays
  longer = zoom_paths.extend(arrays, 4)
  for name, array in longer.items():
    assert array.dtype == arrays[name].dtype and len(array) == 4
    np.testing.assert_array_equal(array[:2], arrays[name])
  for s in (2, 3):
    np.testing.assert_array_equal(longer['images'][s], arrays['images'][1])
    assert (longer['labels'][s] == 255).all()
    assert (longer['offsets'][s] == 0).all()
    assert (longer['ratios'][s] == 1).all()
