"""What file and folder names reveal."""

import pathlib

import pytest

from magnet_jax.data import file_names


@pytest.mark.parametrize(
  ('name', 'split'),
  [
    ('train', 'train'),
    ('Training', 'train'),
    ('val_list', 'val'),
    ('validation', 'val'),
    ('trainval', ''),
    ('test flight', ''),
    ('testannot', 'test'),
    ('images', ''),
    ('train_val', ''),
  ],
)
def test_names_of_splits(name, split):
  assert file_names.split_of(name) == split


@pytest.mark.parametrize(
  ('path', 'role', 'split', 'context', 'stem'),
  [
    ('images/a1.png', 'image', '', (), 'a1'),
    ('masks/a1.png', 'label', '', (), 'a1'),
    ('a1_mask.png', 'label', '', (), 'a1'),
    ('IMG_a1.jpg', 'image', '', (), 'a1'),
    ('labels/IMG_a1.png', 'label', '', (), 'a1'),
    ('images/a1_mask.png', 'label', '', (), 'a1'),
    ('trainannot/a1.png', 'label', 'train', (), 'a1'),
    ('North Field/val/images/A1.png', 'image', 'val', ('north field',), 'a1'),
    ('leftImg8bit/a1.png', 'image', '', (), 'a1'),
    ('other/a1.png', '', '', ('other',), 'a1'),
    ('mask.png', '', '', (), 'mask'),
  ],
)
def test_paths(path, role, split, context, stem):
  found = file_names.read(pathlib.PurePath(path))
  assert found == file_names.Named(role, split, context, stem)


@pytest.mark.parametrize('name', ['labels', 'ground_truth', 'GT_Masks'])
def test_folders_of_labels(name):
  assert file_names.of_labels(name)


@pytest.mark.parametrize('name', ['images', 'labels old', 'thumbs', ''])
def test_folders_of_other_things(name):
  assert not file_names.of_labels(name)


def test_accents_compare_equal_however_they_are_stored():
  one, other = (
    file_names.stem(pathlib.PurePath(name))
    for name in ('\u00e9.png', 'E\u0301.jpg')
  )
  assert one == other
