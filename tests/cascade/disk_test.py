import pathlib
import shutil

import full_disk
import numpy as np
import pytest

from magnet_jax.cascade import disk, mosaic, tiling
from magnet_jax.ops import windows
from magnet_jax.types import InputError

GRIDS = [
  ((40, 50), (16, 16), 0.0),
  ((33, 47), (16, 12), 0.3),
  ((33, 47), (16, 12), 0.7),  # the last tile is several chunks
  ((9, 60), (16, 16), 0.0),
  ((1, 1), (16, 16), 0.0),
]


def _maps(size, seed=0):
  maps = np.random.default_rng(seed).random((*size, 3), np.float32)
  return maps / maps.sum(-1, keepdims=True)


@pytest.mark.parametrize('case', GRIDS)
@pytest.mark.parametrize('kind', ['float32', 'uint16', 'uint8'])
def test_tiles_come_back(tmp_path, case, kind):
  size, window, overlap = case
  # The root of p is rounded to half a step, p to twice its root as much.
  step = {'float32': 0, 'uint16': 1 / 65535, 'uint8': 1 / 255}[kind]
  grid = windows.make_grid(size, window, overlap)
  maps = _maps(size)
  plane = disk.OnDisk(tmp_path / 'a' / 'b', tiling.grid_tiles(grid), 3, kind)
  tiles = mosaic.Mosaic(grid, range(len(grid)))
  for number in reversed(range(len(grid))):  # in any order
    top, left, height, width = tiles.area(number)
    plane.write(top, left, maps[top : top + height, left : left + width])
  plane.flush()
  again = disk.OnDisk(tmp_path / 'a' / 'b', tiling.grid_tiles(grid), 3, kind)
  rng = np.random.default_rng(0)
  areas = [(0, 0, *size)]
  for _ in range(5):
    top, left = (int(rng.integers(length)) for length in size)
    height = int(rng.integers(size[0] - top)) + 1
    areas.append((top, left, height, int(rng.integers(size[1] - left)) + 1))
  for top, left, height, width in areas:
    found = again.read(top, left, height, width)
    assert found.dtype == np.float32
    expected = maps[top : top + height, left : left + width]
    np.testing.assert_allclose(found, expected, atol=step * 1.5)
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)


def test_a_tile_is_a_file(tmp_path):
  grid = windows.make_grid((40, 50), (16, 16))
  plane = disk.OnDisk(tmp_path, tiling.grid_tiles(grid), 0, 'bytes')
  tiles = mosaic.Mosaic(grid, range(len(grid)))
  for number in range(len(grid)):
    top, left, height, width = tiles.area(number)
    plane.write(top, left, np.full((height, width), number + 1, np.uint8))
    plane.flush()
    files = [f for f in tmp_path.rglob('*') if f.is_file()]
    assert len(files) == number + 2  # and one of the array itself
  before = {file: file.read_bytes() for file in files}
  area = tiles.area(4)
  plane.write(*area[:2], np.full(area[2:], 5, np.uint8))
  plane.flush()
  assert before == {file: file.read_bytes() for file in files}


def test_probabilities_outside_of_their_range_are_clipped(tmp_path):
  grid = windows.make_grid((1, 2), (1, 2))
  plane = disk.OnDisk(tmp_path, tiling.grid_tiles(grid), 2, 'uint8')
  values = np.array([[[-1e-6, 1 + 1e-6], [1, 0]]], np.float32)
  plane.write(0, 0, values)
  plane.flush()
  assert plane.read(0, 0, 1, 2).tolist() == [[[0, 1], [1, 0]]]


def test_a_full_disk_is_one_line(tmp_path):
  grid = windows.make_grid((200, 200), (200, 200))
  plane = disk.OnDisk(tmp_path, tiling.grid_tiles(grid), 0, 'bytes')
  waiting = disk.WaitingOnDisk(tmp_path / 'waiting')
  noise = np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)
  with full_disk.after(5000):
    with pytest.raises(InputError, match='cannot be written'):
      plane.write(0, 0, noise)
      plane.flush()
    with pytest.raises(InputError, match='cannot be written'):
      waiting.put(0, 1, noise)


def test_a_damaged_tile_is_one_line(tmp_path):
  grid = windows.make_grid((20, 20), (20, 20))
  for kind in ('uint8', 'uint16'):
    folder = tmp_path / kind
    plane = disk.OnDisk(folder, tiling.grid_tiles(grid), 1, kind)
    plane.write(0, 0, np.ones((20, 20, 1), np.float32))
    plane.flush()
    tile = next(folder.glob('c/*/*/*'))
    tile.write_bytes(tile.read_bytes()[:9])
    again = disk.OnDisk(folder, tiling.grid_tiles(grid), 1, kind)
    with pytest.raises(InputError, match=r'is damaged.*start again'):
      again.read(0, 0, 20, 20)


def _plane(folder, channels=0, **settings):
  grid = windows.make_grid((20, 20), (10, 10))
  tiles = tiling.grid_tiles(grid)
  return disk.OnDisk(folder, tiles, channels, 'bytes', **settings)


def test_a_folder_that_is_made_again_has_nothing_of_the_one_before(tmp_path):
  for value in (7, 8):
    plane = _plane(tmp_path / 'a')
    with pytest.raises(InputError, match='is missing'):
      plane.read(0, 0, 20, 20)
    plane.write(0, 0, np.full((20, 20), value, np.uint8))
    plane.flush()
    assert plane.read(0, 0, 20, 20).min() == value
    shutil.rmtree(tmp_path / 'a')


@pytest.mark.parametrize('channels', [0, 2])
@pytest.mark.parametrize('value', [0, 9])
def test_a_tile_that_was_written_and_is_gone_is_an_error(
  tmp_path, channels, value
):
  plane = _plane(tmp_path / 'run' / 'a', channels)
  shape = (20, 20, channels) if channels else (20, 20)
  plane.write(0, 0, np.full(shape, value, np.uint8))
  plane.flush()
  assert (plane.read(0, 0, 20, 20) == value).all()
  gone = tmp_path.joinpath('run/a/c/1/0', *(['0'] if channels else []))
  gone.unlink()
  assert (plane.read(0, 0, 10, 20) == value).all()  # no part of it
  line = r'c/1/0.* is missing: .*; remove .*run to start again'
  with pytest.raises(InputError, match=line):
    plane.read(5, 5, 10, 10)


def test_a_sparse_plane_is_0_where_nothing_was_written(tmp_path):
  plane = _plane(tmp_path, sparse=True)
  plane.write(0, 0, np.ones((10, 10), np.uint8))
  plane.flush()
  assert plane.read(0, 0, 20, 20).sum() == 100


def test_any_relative_path_leads_to_the_folder(tmp_path, monkeypatch):
  (tmp_path / 'here').mkdir()
  monkeypatch.chdir(tmp_path / 'here')
  plane = _plane(pathlib.Path('../there/./a'))
  plane.write(0, 0, np.ones((20, 20), np.uint8))
  plane.flush()
  assert (tmp_path / 'there' / 'a' / 'zarr.json').exists()
  assert plane.read(0, 0, 20, 20).all()


def test_parts_wait_until_they_are_forgotten(tmp_path):
  waiting = disk.WaitingOnDisk(tmp_path / 'waiting')
  for tile in range(12):
    waiting.put(tile, 0, np.full((2, 2, 1), tile, np.float32))
  for _ in range(2):
    assert waiting.take(11, 0).max() == 11
  waiting.forget(range(2))
  assert len(list((tmp_path / 'waiting').iterdir())) == 10
  assert disk.WaitingOnDisk(tmp_path / 'waiting').take(2, 0).max() == 2
