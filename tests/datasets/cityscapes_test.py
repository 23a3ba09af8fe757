"""Cityscapes from small zips in the official layout."""

import re
import zipfile

import numpy as np
import official_sets
import pytest

from magnet_jax.datasets import cityscapes
from magnet_jax.types import InputError

# From the public table of the set: (id, train id) of the classes that count.
TRAIN_IDS = {
  7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10,
  24: 11, 25: 12, 26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18,
}  # fmt: skip


def slow(ids):
  flat = [TRAIN_IDS.get(int(i), 255) for i in ids.reshape(-1)]
  return np.array(flat, np.uint8).reshape(ids.shape)


def rewrite(path, change):
  with zipfile.ZipFile(path) as file:
    members = {name: file.read(name) for name in file.namelist()}
  change(members)
  official_sets.write_zip(path, members)


def test_ids_become_train_ids_in_the_order_of_names(tmp_path):
  folder = official_sets.cityscapes(tmp_path)
  found = cityscapes.FINE.items(folder)
  assert {s: len(items) for s, items in found.items()} == {'train': 3, 'val': 2}
  for items in found.values():
    for i, item in enumerate(items):
      image, label = item.read()
      assert image == official_sets.picture(i)
      np.testing.assert_array_equal(label, slow(official_sets.city_ids(i)))
  assert found['val'][1].name == 'lindau_000000_000001'


def test_coarse_labels_are_a_split_of_their_own(tmp_path):
  folder = official_sets.cityscapes(tmp_path, extra=4)
  found = cityscapes.COARSE.items(folder)
  assert len(found['train_extra']) == 4 and len(found['train']) == 3
  _, label = found['train_extra'][3].read()
  np.testing.assert_array_equal(label, slow(official_sets.city_ids(3)))
  (folder / 'gtCoarse.zip').unlink()
  with pytest.raises(InputError, match=r'lacks gtCoarse\.zip; download'):
    cityscapes.COARSE.items(folder)
  assert cityscapes.FINE.items(folder)


def test_missing_files_say_where_they_come_from(tmp_path):
  with pytest.raises(
    InputError,
    match=r'lacks leftImg8bit_trainvaltest\.zip and gtFine_trainvaltest\.zip; '
    r'download from https://www\.cityscapes-dataset\.com',
  ):
    cityscapes.FINE.items(tmp_path)
  with pytest.raises(InputError, match='no such folder; put leftImg8bit'):
    cityscapes.FINE.items(tmp_path / 'none')


def test_the_zip_of_another_set(tmp_path):
  folder = official_sets.cityscapes(tmp_path, extra=1)
  (folder / 'gtCoarse.zip').rename(folder / 'gtFine_trainvaltest.zip')
  wanted = (
    r'no gtFine/train/\*/\*_gtFine_labelIds.png, but .*to another set, or'
  )
  with pytest.raises(InputError, match=wanted):
    cityscapes.FINE.items(folder)


def test_a_missing_pair(tmp_path):
  folder = official_sets.cityscapes(tmp_path)
  name = 'train/aachen/aachen_000000_000001'
  rewrite(
    folder / 'gtFine_trainvaltest.zip',
    lambda members: members.pop(f'gtFine/{name}_gtFine_labelIds.png'),
  )
  with pytest.raises(
    InputError, match=re.escape(name) + r'_left.* has no label \(1 in total\)'
  ):
    cityscapes.FINE.items(folder)


def test_two_labels_for_one_image(tmp_path):
  folder = official_sets.cityscapes(tmp_path)
  rewrite(
    folder / 'gtFine_trainvaltest.zip',
    lambda members: members.update(
      {'gtFine/train/bochum/aachen_000000_000001_gtFine_labelIds.png': b'x'}
    ),
  )
  with pytest.raises(InputError, match='both for aachen_000000_000001: only'):
    cityscapes.FINE.items(folder)


def test_an_id_that_the_set_does_not_have(tmp_path):
  folder = official_sets.cityscapes(tmp_path, train=1)
  name = 'gtFine/train/aachen/aachen_000000_000000_gtFine_labelIds.png'
  ids = np.array([[7, 34, 34, 255]], np.uint8)
  rewrite(
    folder / 'gtFine_trainvaltest.zip',
    lambda members: members.update({name: official_sets.encode(ids)}),
  )
  with pytest.raises(InputError, match=r'value of no class.*34 in 2 pixels'):
    cityscapes.FINE.items(folder)['train'][0].read()


def test_a_label_of_another_size(tmp_path):
  folder = official_sets.cityscapes(tmp_path, train=1)
  name = 'gtFine/train/aachen/aachen_000000_000000_gtFine_labelIds.png'
  small = official_sets.encode(np.zeros((3, 8), np.uint8))
  rewrite(
    folder / 'gtFine_trainvaltest.zip',
    lambda members: members.update({name: small}),
  )
  with pytest.raises(InputError, match='label of 3 x 8'):
    cityscapes.FINE.items(folder)['train'][0].read()
