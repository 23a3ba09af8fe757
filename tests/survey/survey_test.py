"""Whole folders: a sound one, and those that cannot be trained on."""

import os
import shutil

from folders import fill, photograph, save
import numpy as np
from PIL import Image
import pytest
from surveys import finding, kinds, look

from magnet_jax.survey import survey
from magnet_jax.types import InputError


def test_a_sound_folder_gives_no_warning(tmp_path):
  found = look(fill(tmp_path, 10))
  assert kinds(found, 'error', 'warning') == set()
  assert len(found.looks) == 10
  assert set(found.splits) == {'train', 'val', 'test'}
  assert found.splits.count('train') >= 6
  assert found.table.names == ('class 0', 'class 1', 'class 2')
  assert found.pixels.sum() == 10 * 140 * 150
  for look_, row in zip(found.looks, found.pixels, strict=True):
    truth = np.asarray(Image.open(look_.pair.label))
    assert row.tolist() == [*np.bincount(truth.ravel(), minlength=3), 0]
  assert look(tmp_path).splits == found.splits


def test_nothing_to_train_on(tmp_path):
  with pytest.raises(InputError, match='no such folder'):
    look(tmp_path / 'none')
  with pytest.raises(InputError, match=r'holds no \.jpg'):
    look(tmp_path)
  fill(tmp_path, 3)
  shutil.rmtree(tmp_path / 'labels')
  with pytest.raises(InputError, match='3 images without label'):
    look(tmp_path)
  fill(tmp_path, 1)
  with pytest.raises(InputError, match=r'1 pair .* at least 2'):
    look(tmp_path)
  fill(tmp_path, 2)
  save(tmp_path / 'images/s1.png', photograph(0))
  with pytest.raises(InputError, match='show the same ground'):
    look(tmp_path)
  for i in range(3):
    save(tmp_path / f'labels/s{i}.png', photograph(50 + i))
  with pytest.raises(InputError, match='photographs'):
    look(tmp_path)


@pytest.mark.parametrize('value', [0, 255])
def test_labels_of_one_value_tell_nothing_apart(value, tmp_path):
  for seed in range(3):
    picture = np.random.default_rng(seed).integers(
      0, 256, (40, 40, 3), np.uint8
    )
    for name, pixels in (('images', picture), ('masks', picture[..., 0])):
      (tmp_path / name).mkdir(exist_ok=True)
      same = pixels if pixels.ndim == 3 else np.full_like(pixels, value)
      Image.fromarray(same).save(tmp_path / name / f'{seed}.png')
  with pytest.raises(InputError, match='at least 2 classes'):
    look(tmp_path)


def test_what_cannot_be_used_is_named(tmp_path):
  fill(tmp_path, 3, values=(0, 1, 7))
  names = tmp_path / 'classes.json'
  row = '{{"name": "{}", "colour": [0, 0, {}], "labels": [{}]}}'.format
  names.write_text(
    '{"classes": [' + row('a', 0, 0) + ',' + row('b', 9, 1) + ']}'
  )
  with pytest.raises(InputError, match=r's0\.png holds .* class: 7 in 7000'):
    look(tmp_path)
  (tmp_path / 'all.txt').write_text('image,label\nx/a.png,x/b.png\n')
  with pytest.raises(InputError, match=r'such as x/a\.png,x/b\.png; add'):
    survey.survey(tmp_path / 'all.txt', tmp_path / 'out')
  fill(tmp_path / 'one', 1)
  with pytest.raises(InputError, match='for measuring; add images'):
    look(tmp_path / 'one')


def test_without_permission(tmp_path, monkeypatch):
  """As others than root see it."""
  fill(tmp_path, 4)
  closed, scandir = str(tmp_path / 'labels'), os.scandir
  monkeypatch.setattr(os, 'access', lambda path, _: path.name != 's3.png')
  (bad,) = finding(look(tmp_path), 'unreadable').files
  assert bad == 'labels/s3.png: may not be read; change its permissions'

  def refuse(path):
    if str(path) == closed:
      raise PermissionError(13, 'Permission denied', closed)
    return scandir(path)

  monkeypatch.setattr(os, 'scandir', refuse)
  with pytest.raises(InputError, match='labels: cannot be read, Permission'):
    look(tmp_path)


def test_results_do_not_go_among_the_data(tmp_path):
  fill(tmp_path, 3)
  for out in (tmp_path, tmp_path / 'images', tmp_path / 'images/../labels'):
    with pytest.raises(InputError, match='results need a folder of their own'):
      survey.survey(tmp_path, out)
