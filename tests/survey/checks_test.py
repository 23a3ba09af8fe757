"""Faults planted in images, labels and classes: each one is found."""

from folders import COLOURS, fill, label, photograph, save
import numpy as np
from PIL import Image
import pytest
from surveys import finding, kinds, look

from magnet_jax.types import InputError


def test_sizes_that_differ_and_files_that_cannot_be_read(tmp_path):
  fill(tmp_path, 6)
  save(tmp_path / 'labels/s1.png', label(1, (140, 149)))
  whole = (tmp_path / 'images/s2.png').read_bytes()
  (tmp_path / 'images/s2.png').write_bytes(whole[: len(whole) // 2])
  (tmp_path / 'labels/s3.png').write_bytes(b'')
  (tmp_path / 'images/other.bmp').write_bytes(b'BM')
  found = look(tmp_path)
  assert finding(found, 'sizes differ').files == (
    'labels/s1.png 149x140 for 150x140',
  )
  bad = finding(found, 'unreadable').files
  assert len(bad) == 2 and 's2.png' in bad[0] and 's3.png' in bad[1]
  assert finding(found, 'other formats').files == ('images/other.bmp',)
  assert len(found.looks) == 3


def turned(folder, name, seed, orientation=6):
  """An image with EXIF, as cameras write it, and a label as it is stored."""
  exif = Image.Exif()
  exif[274] = orientation
  save(folder / f'images/{name}.jpg', photograph(seed), exif=exif)
  save(folder / f'labels/{name}.png', label(seed))


def test_orientation_that_some_labels_ignore(tmp_path):
  fill(tmp_path, 4)
  turned(tmp_path, 'lies', 20)
  turned(tmp_path, 'stands', 21)
  save(tmp_path / 'labels/stands.png', label(21, (150, 140)))
  turned(tmp_path, 'down', 22, 3)
  found = look(tmp_path)
  texts = {
    f.files[0]: f.level for f in found.findings if f.kind == 'EXIF orientation'
  }
  assert texts == {'images/lies.jpg': 'error', 'images/down.jpg': 'warning'}
  assert len(found.looks) == 6 and found.reading == {}


def test_orientation_that_all_labels_ignore(tmp_path):
  for i in range(4):
    turned(tmp_path, f't{i}', i)
  found = look(tmp_path)
  assert found.reading == {'turn': False} and len(found.looks) == 4
  assert 'data.turn' in found.findings[0].text + found.findings[1].text


def test_classes_that_never_occur_or_not_everywhere(tmp_path):
  fill(
    tmp_path, 6, 'train/images/{}.png', 'train/labels/{}.png', values=(0, 1, 3)
  )
  fill(
    tmp_path,
    2,
    'val/images/{}.png',
    'val/labels/{}.png',
    values=(0, 1),
    first=6,
  )
  save(tmp_path / 'val/labels/s7.png', np.ones((140, 150), np.uint8))
  found = look(tmp_path)
  assert 'no label holds 2:' in finding(found, 'class never occurs').text
  assert 'class 3' in finding(found, 'class not in val').text
  assert finding(found, 'one value').files == ('val/labels/s7.png (class 1)',)
  names = tmp_path / 'classes.txt'
  names.write_text('soil\nweed\nroad\ncarrot\n')
  found = look(tmp_path)
  assert 'road' in finding(found, 'class never occurs').text
  assert found.table.names == ('soil', 'weed', 'road', 'carrot')


def test_a_class_that_only_val_has_and_a_val_of_one_image(tmp_path):
  names = '{}/images/{{}}.png', '{}/labels/{{}}.png'
  for first, (split, count, values) in enumerate(
    [('train', 3, (0, 1)), ('val', 1, (0, 1, 2)), ('test', 2, (0, 1))]
  ):
    patterns = [name.format(split) for name in names]
    fill(tmp_path, count, *patterns, values=values, first=10 * first)
  found = look(tmp_path)
  assert (
    'class 2: not in train but in val, so it cannot be learnt'
    in finding(found, 'class not in train').text
  )
  guess = finding(found, 'small split')
  assert guess.level == 'warning' and 'val has one image' in guess.text
  fill(tmp_path, 1, 'val/images/{}.png', 'val/labels/{}.png', first=40)
  assert 'small split' not in kinds(look(tmp_path), 'warning')


def test_stray_values(tmp_path):
  fill(tmp_path, 6)
  odd = label(3)
  odd[7, 9] = 9
  save(tmp_path / 'labels/s3.png', odd)
  assert '9 in 1 pixel' in finding(look(tmp_path), 'stray labels').text


@pytest.mark.parametrize('names', ['a', 'a\nb\nc\nd\n'])
def test_names_that_do_not_fit(tmp_path, names):
  fill(tmp_path, 4, values=(0, 10, 20))
  (tmp_path / 'n.txt').write_text(names)
  with pytest.raises(InputError, match='labels hold 3: 0, 10, 20'):
    look(tmp_path, classes=str(tmp_path / 'n.txt'))


def test_colours_that_are_not_in_the_table_are_listed(tmp_path):
  fill(tmp_path, 4)
  for i in range(4):
    save(tmp_path / f'labels/s{i}.png', COLOURS[label(i)])
  odd = COLOURS[label(3)]
  odd[:20, :3] = 1, 2, 3
  save(tmp_path / 'labels/s3.png', odd)
  lines = [f'c{i},{",".join(map(str, c))}' for i, c in enumerate(COLOURS)]
  (tmp_path / 'class_dict.csv').write_text('name,r,g,b\n' + '\n'.join(lines))
  found = look(tmp_path)
  assert '(1, 2, 3) in 60 pixels' in finding(found, 'no class').files[0]
  assert found.table.names == ('c0', 'c1', 'c2') and len(found.looks) == 3
