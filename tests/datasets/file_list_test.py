"""The user's own images as a prepared data set."""

import dataclasses
import os
import shutil

import numpy as np
import official_sets
from PIL import Image
import pytest

from magnet_jax.datasets import file_list
from magnet_jax.types import ClassTable, InputError, LabelCodes

CLASSES = ClassTable(('soil', 'weed'), ((100, 50, 0), (0, 200, 0)))
LABEL = np.array([[0, 1, 255, 1]] * 3, np.uint8)


def labels(mode):
  """The same label in all the ways that PNGs can hold it."""
  if mode == 'palette':
    image = Image.fromarray(LABEL, 'P')
    image.putpalette(CLASSES.palette.tobytes())
    return image
  if mode == '16 bits':
    return Image.fromarray(LABEL.astype(np.uint16))
  if mode == 'grey':
    return Image.fromarray(LABEL)
  colours = Image.fromarray(CLASSES.palette[LABEL])
  return colours.convert('RGBA') if mode == 'alpha' else colours


def put(folder, names, mode='grey'):
  for kind in ('images', 'labels'):
    (folder / kind).mkdir(parents=True)
  for i, name in enumerate(names):
    image = official_sets.picture(i, (3, 4))
    (folder / 'images' / f'{name}.png').write_bytes(image)
    labels(mode).save(folder / 'labels' / f'{name}.png')
  return folder


@pytest.mark.parametrize(
  'mode', ['palette', '16 bits', 'grey', 'alpha', 'colours']
)
def test_labels_of_every_kind_are_decoded_alike(tmp_path, mode):
  put(tmp_path, ['a', 'b'], mode)
  recipe = file_list.recipe('x', CLASSES, colours=mode in ('alpha', 'colours'))
  ((split, items),) = recipe.items(tmp_path).items()
  assert split == 'train' and [item.name for item in items] == ['a', 'b']
  image, label = items[1].read()
  assert image == official_sets.picture(1, (3, 4))
  np.testing.assert_array_equal(label, LABEL)


def test_labels_of_other_values(tmp_path):
  put(tmp_path, ['a'])
  codes = LabelCodes(classes=((10,), (20, 30)), ignored=(0,))
  table = dataclasses.replace(CLASSES, codes=codes)
  values = Image.fromarray(np.array([[10, 20, 30, 0]] * 3, np.uint8))
  values.save(tmp_path / 'labels' / 'a.png')
  items = file_list.recipe('x', table).items(tmp_path)['train']
  assert items[0].read()[1].tolist() == [[0, 1, 1, 255]] * 3


def test_lists_and_folders_are_splits(tmp_path):
  put(tmp_path / 'val', ['v'])
  put(tmp_path / 'all', ['a', 'b'])
  (tmp_path / 'train.txt').write_text('all/images/b.png\tall/labels/b.png\n')
  found = file_list.recipe('x', CLASSES).items(tmp_path)
  assert {s: [i.name for i in items] for s, items in found.items()} == {
    'train': ['b'],
    'val': ['v'],
  }
  found = file_list.recipe('x', CLASSES).items(tmp_path / 'train.txt')
  assert [item.name for item in found['train']] == ['b']


@pytest.mark.parametrize(
  'name',
  ['masks', 'annotations', 'gt', 'SegmentationClass', 'mask', 'ground_truth'],
)
def test_other_names_of_the_folder_of_labels(tmp_path, name):
  put(tmp_path, ['a'])
  (tmp_path / 'labels').rename(tmp_path / name)
  (tmp_path / 'labels_old').mkdir()
  (tmp_path / 'targets').mkdir()  # holds no images, as of polygons
  (tmp_path / 'targets' / 'a.json').write_text('[]')
  items = file_list.recipe('x', CLASSES).items(tmp_path)['train']
  np.testing.assert_array_equal(items[0].read()[1], LABEL)


def test_the_folder_of_labels_must_be_one(tmp_path):
  put(tmp_path, ['a'])
  recipe = file_list.recipe('x', CLASSES)
  shutil.copytree(tmp_path / 'labels', tmp_path / 'masks')
  with pytest.raises(InputError, match='has labels/ and masks/ beside'):
    recipe.items(tmp_path)
  shutil.rmtree(tmp_path / 'masks')
  (tmp_path / 'labels').rename(tmp_path / 'other')
  with pytest.raises(InputError, match='has no labels beside images/'):
    recipe.items(tmp_path)


def test_bad_places(tmp_path):
  recipe = file_list.recipe('x', CLASSES)
  with pytest.raises(InputError, match=r'has no train\.txt, val\.txt'):
    recipe.items(tmp_path)
  put(tmp_path / 'all', ['a'])
  line = 'all/images/a.png\tall/labels/a.png\n'
  (tmp_path / 'train.txt').write_text(line)
  (tmp_path / 'val.txt').write_text(line)
  with pytest.raises(InputError, match=r'a\.png: is in train and in val'):
    recipe.items(tmp_path)
  (tmp_path / 'val.txt').write_text('all/images/a.png\n')
  (tmp_path / 'train.txt').unlink()
  with pytest.raises(InputError, match='has no label'):
    recipe.items(tmp_path)
  (tmp_path / 'val').mkdir()
  with pytest.raises(InputError, match=r'has both val\.txt and val/'):
    recipe.items(tmp_path)
  with pytest.raises(InputError, match='one word'):
    file_list.recipe('a/b', CLASSES)


def test_a_damaged_image_is_found(tmp_path):
  put(tmp_path, ['a'])
  path = tmp_path / 'images' / 'a.png'
  path.write_bytes(path.read_bytes()[:-30])
  items = file_list.recipe('x', CLASSES).items(tmp_path)['train']
  with pytest.raises(InputError, match=r'images/a\.png: cannot be decoded'):
    items[0].read()


def test_a_name_that_is_no_text(tmp_path):
  put(tmp_path, ['a', os.fsdecode(b'caf\xe9')])
  with pytest.raises(InputError, match=r"udce9\.png': has a name that is no"):
    file_list.recipe('x', CLASSES).items(tmp_path)


def test_a_link_to_itself_is_one_line(tmp_path):
  put(tmp_path, ['a', 'b'])
  (tmp_path / 'images' / 'a.png').unlink()
  (tmp_path / 'images' / 'a.png').symlink_to('a.png')
  (items,) = file_list.recipe('x', CLASSES).items(tmp_path).values()
  with pytest.raises(InputError, match=r'a\.png: no such file, the link'):
    items[0].read()
