"""DeepGlobe from a small folder in the official layout."""

import numpy as np
import official_sets
from PIL import Image
import pytest

from magnet_jax.datasets import deepglobe
from magnet_jax.types import InputError

COLOURS = official_sets.DEEPGLOBE_COLOURS


@pytest.mark.parametrize('inside', ['train', 'land-train', '.'])
def test_colours_near_the_pure_ones_become_classes(tmp_path, inside):
  folder = official_sets.deepglobe(tmp_path / 'set', inside=inside)
  found = deepglobe.RECIPE.items(folder)
  assert {split: len(items) for split, items in found.items()} == {
    'train': 6,
    'val': 2,
    'test': 2,
  }
  seen = set()
  for item in (item for items in found.values() for item in items):
    image, label = item.read()
    assert image[:2] == b'\xff\xd8'
    expected = official_sets.deepglobe_label(int(item.name) - 100)
    np.testing.assert_array_equal(label, expected)
    seen.add(item.name)
  assert len(seen) == 10


@pytest.mark.parametrize('mode', ['P', 'RGBA', 'RGB'])
def test_masks_of_any_kind_of_png(tmp_path, mode):
  label = np.arange(7, dtype=np.uint8).reshape(1, 7)
  if mode == 'P':
    image = Image.fromarray(label, 'P')
    image.putpalette(COLOURS.astype(np.uint8).tobytes())
  else:
    image = Image.fromarray(COLOURS[label].astype(np.uint8)).convert(mode)
  image.save(tmp_path / 'mask.png')
  np.testing.assert_array_equal(
    deepglobe.read_label(tmp_path / 'mask.png'), label
  )


def test_the_threshold(tmp_path):
  pixels = np.array([[[127, 128, 128], [127, 127, 255]]], np.uint8)
  Image.fromarray(pixels).save(tmp_path / 'mask.png')
  assert deepglobe.read_label(tmp_path / 'mask.png').tolist() == [[1, 5]]


def test_colours_of_no_class_are_listed_with_counts(tmp_path):
  pixels = np.zeros((4, 4, 3), np.uint8)
  pixels[:2, 1] = (250, 3, 9)
  Image.fromarray(pixels).save(tmp_path / 'mask.png')
  with pytest.raises(InputError, match=r'\(255, 0, 0\) in 2 pixels'):
    deepglobe.read_label(tmp_path / 'mask.png')


def test_a_mask_of_indices_is_refused(tmp_path):
  Image.fromarray(np.full((2, 2), 6, np.uint8)).save(tmp_path / 'mask.png')
  with pytest.raises(InputError, match='brightest value is 6: not a mask'):
    deepglobe.read_label(tmp_path / 'mask.png')


def test_lists_of_names_split_as_others_did(tmp_path):
  folder = official_sets.deepglobe(tmp_path / 'set')
  (folder / 'train.txt').write_text('105_sat.jpg\nland-train/101_sat.jpg\tx\n')
  (folder / 'crossvali.txt').write_text('# mine\n\n102\n')
  (folder / 'test.txt').write_text('103_mask.png\n109_sat.jpg\n')
  found = deepglobe.RECIPE.items(folder)
  assert {s: [i.name for i in items] for s, items in found.items()} == {
    'train': ['105', '101'],
    'val': ['102'],
    'test': ['103', '109'],
  }


def test_missing_pairs_and_empty_folders(tmp_path):
  folder = official_sets.deepglobe(tmp_path / 'set')
  (folder / 'train' / '104_mask.png').unlink()
  with pytest.raises(
    InputError, match=r'104_sat\.jpg has no label \(1 in total\)'
  ):
    deepglobe.RECIPE.items(folder)
  (tmp_path / 'empty').mkdir()
  with pytest.raises(InputError, match=r'holds no \*_sat\.jpg.*deepglobe\.org'):
    deepglobe.RECIPE.items(tmp_path / 'empty')


def test_masks_of_roads_are_another_set(tmp_path):
  official_sets.deepglobe(tmp_path)
  masks = sorted((tmp_path / 'train').glob('*_mask.png'))
  road = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (6, 8))
  for path in masks[:-1]:
    path.write_bytes(official_sets.encode(road))
  assert deepglobe.RECIPE.items(tmp_path)
  masks[-1].write_bytes(official_sets.encode(road))
  with pytest.raises(InputError, match='belong to DeepGlobe roads'):
    deepglobe.RECIPE.items(tmp_path)
