"""Gleason 2019 from small folders in the official layout."""

from collections import Counter

import numpy as np
import official_sets
from PIL import Image
import pytest

from magnet_jax.datasets import gleason
from magnet_jax.types import InputError

VALUES = {0: 0, 1: 1, 6: 1, 3: 2, 4: 3, 5: 4}


def slow_majority(maps):
  result = np.empty_like(maps[0])
  for place in np.ndindex(result.shape):
    votes = Counter(int(each[place]) for each in maps)
    most = max(votes.values())
    result[place] = min(c for c, n in votes.items() if n == most)
  return result


@pytest.mark.parametrize('experts', [1, 2, 6])
def test_the_majority_equals_the_loop(experts):
  rng = np.random.default_rng(experts)
  maps = [rng.integers(0, 5, (7, 9), np.uint8) for _ in range(experts)]
  np.testing.assert_array_equal(gleason.majority(maps, 5), slow_majority(maps))


def test_maps_become_classes(tmp_path):
  folder = official_sets.gleason(tmp_path / 'set')
  found = gleason.RECIPE.items(folder)
  assert [item.name[-3:] for item in found['val']] == ['000', '005']
  assert len(found['train']) == 4
  for item in (item for items in found.values() for item in items):
    core = int(item.name[-3:])
    maps = [
      np.vectorize(VALUES.get)(official_sets.gleason_map(core, n))
      for n in (1, 2, 3)
    ]
    image, label = item.read()
    assert image[:2] == b'\xff\xd8'
    np.testing.assert_array_equal(
      label, slow_majority([m.astype(np.uint8) for m in maps])
    )


def test_lists_split_and_maps_without_an_image_are_passed_over(tmp_path):
  folder = official_sets.gleason(tmp_path / 'set')
  path = folder / 'Maps1_T' / 'slide009_core001_classimg_nonconvex.png'
  path.write_bytes(b'')
  (folder / 'train.txt').write_text('slide001_core002.jpg\n')
  (folder / 'val.txt').write_text('slide001_core001_classimg_nonconvex.png\n')
  found = gleason.RECIPE.items(folder)
  assert [item.name for item in found['train']] == ['slide001_core002']
  assert [item.name for item in found['val']] == ['slide001_core001']


def test_missing_folders_maps_and_images(tmp_path):
  folder = official_sets.gleason(tmp_path / 'set', experts=1)
  name = 'slide001_core002_classimg_nonconvex.png'
  (folder / 'Maps1_T' / name).unlink()
  with pytest.raises(InputError, match=r'core002\.jpg: has no label'):
    gleason.RECIPE.items(folder)
  (folder / 'Maps6_T').rmdir()
  with pytest.raises(InputError, match=r'lacks Maps6_T; unpack .*gleason2019'):
    gleason.RECIPE.items(folder)
  with pytest.raises(InputError, match='lacks Train_imgs, Maps1_T, Maps2_T'):
    gleason.RECIPE.items(tmp_path)


def test_two_maps_of_one_pathologist_for_one_image(tmp_path):
  folder = official_sets.gleason(tmp_path / 'set')
  (folder / 'Maps2_T' / 'again').mkdir()
  name = 'slide001_core002_classimg_nonconvex.png'
  (folder / 'Maps2_T' / 'again' / name).write_bytes(b'')
  with pytest.raises(InputError, match='both for slide001_core002'):
    gleason.RECIPE.items(folder)


def test_values_of_no_class_and_sizes_that_differ(tmp_path):
  paths = [tmp_path / '1.png', tmp_path / '2.png']
  Image.fromarray(np.array([[0, 2, 2]], np.uint8)).save(paths[0])
  with pytest.raises(InputError, match='2 in 2 pixels'):
    gleason.read_label(paths[:1])
  Image.fromarray(np.zeros((1, 3, 3), np.uint8)).save(paths[0])
  expected = r'1\.png: has the bands R, G, B.* 0 to 6, as in Maps1_T to Maps6_T'
  with pytest.raises(InputError, match=expected):
    gleason.read_label(paths[:1])
  Image.fromarray(np.zeros((1, 3), np.uint8)).save(paths[0])
  Image.fromarray(np.zeros((1, 4), np.uint8)).save(paths[1])
  with pytest.raises(InputError, match='label of 1 x 4'):
    gleason.read_label(paths)
