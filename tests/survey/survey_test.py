"""Planted faults in small folders: each is found."""

import os
import shutil

import folders
from folders import COLOURS, fill, label, photograph, save
import numpy as np
from PIL import Image
import pytest

from magnet_jax.survey import survey
from magnet_jax.types import InputError


def look(folder, **settings):
  return survey.survey(folder, folder / 'out', **settings)


def finding(found, kind):
  """The only finding of a kind."""
  one = [each for each in found.findings if each.kind == kind]
  assert len(one) == 1, [(f.kind, f.text) for f in found.findings]
  return one[0]


def kinds(found, *levels):
  return {each.kind for each in found.findings if each.level in levels}


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


LAYOUTS = [
  ('images/{}.png', 'masks/{}.png'),
  ('img/{}.jpg', 'annotations/{}.png'),
  ('JPEGImages/{}.jpg', 'SegmentationClass/{}.png'),
  ('{}.jpg', '{}_mask.png'),
  ('{}_sat.jpg', '{}_mask.png'),
  ('{}.jpg', '{}.png'),
  ('a/{}.jpg', 'b/{}.png'),
  ('images/{}.jpg', 'labels/{}_L.png'),
  ('IMG_{}.jpg', 'labels/IMG_{}.png'),
  ('field 1/images/{}.png', 'field 1/masks/{}.png'),
  ('leftImg8bit/{}.png', 'gt/{}.png'),
]


@pytest.mark.parametrize(('image', 'mask'), LAYOUTS)
def test_layouts(tmp_path, image, mask):
  found = look(fill(tmp_path, 4, image, mask))
  assert kinds(found, 'error') == set()
  for each in found.looks:
    pair = each.pair
    assert pair.image == tmp_path / image.format(pair.label.stem[:2]) or (
      pair.image.stem.split('_')[0] == pair.label.stem.split('_')[0]
    )
  assert len(found.looks) == 4


@pytest.mark.parametrize(
  ('image', 'mask'),
  [
    ('{s}/images/{n}.png', '{s}/labels/{n}.png'),
    ('images/{s}/{n}.png', 'labels/{s}/{n}.png'),
    ('{s}/{n}.png', '{s}annot/{n}.png'),
    ('{s}_images/{n}.png', '{s}_masks/{n}.png'),
  ],
)
def test_splits_that_are_there_stay(tmp_path, image, mask):
  first = 0
  for split, count in {'train': 4, 'valid': 2, 'test': 1}.items():
    fill(
      tmp_path, count, image.replace('{s}', split).replace('{n}', '{}'),
      mask.replace('{s}', split).replace('{n}', '{}'), first=first,
    )  # fmt: skip
    first += count
  found = look(tmp_path)
  assert kinds(found, 'error', 'warning') == set()
  assert [found.splits.count(s) for s in ('train', 'val', 'test')] == [4, 2, 1]


def test_lists_of_pairs_and_of_names(tmp_path):
  fill(tmp_path, 6)
  (tmp_path / 'train.txt').write_text(
    ''.join(f'images/s{i}.png\tlabels/s{i}.png\n' for i in range(3))
  )
  head = 'image,label\n'
  (tmp_path / 'val.csv').write_text(head + 'images/s3.png,labels/s3.png\n')
  found = look(tmp_path)
  assert found.splits == ['train'] * 3 + ['val']
  assert len(finding(found, 'not listed').files) == 4
  assert finding(found, 'empty split').level == 'warning'
  (tmp_path / 'val.csv').unlink()
  stems = {'train': 's0\ns1\ns2', 'val': 's3\ns4', 'test': 's5'}
  for split, names in stems.items():
    (tmp_path / f'{split}.txt').write_text(names)
  assert look(tmp_path).splits == ['train'] * 3 + ['val'] * 2 + ['test']
  single = tmp_path / 'all.txt'
  single.write_text(
    ''.join(f'images/s{i}.png labels/s{i}.png\n' for i in range(5))
  )
  assert len(survey.survey(single, tmp_path / 'out').looks) == 5


def test_faults_of_lists(tmp_path):
  fill(tmp_path, 4)
  lines = [f'images/s{i}.png\tlabels/s{i}.png' for i in range(3)]
  lines.append('images/x.png\ty.png')
  (tmp_path / 'train.txt').write_text('\n'.join(lines))
  (tmp_path / 'val.txt').write_text('images/s3.png\tlabels/s3.png\n')
  (tmp_path / 'test.txt').write_text('')
  found = look(tmp_path)
  assert finding(found, 'list names no file').files == ('images/x.png\ty.png',)
  empty = [f.text for f in found.findings if f.kind == 'empty split']
  assert any('test.txt' in text for text in empty)


def test_lists_as_programs_write_them(tmp_path):
  fill(tmp_path, 3, 'images/my {}.png', 'labels/my {}.png')
  rows = [f'images/my s{i}.png,labels/my s{i}.png' for i in range(3)]
  for name, text in {
    'mark.csv': '\ufeff' + '\r\n'.join(rows),
    'quoted.csv': '"image","label"\n'
    + '\n'.join(f'"{row}"'.replace(',', '","') for row in rows),
    'pandas.csv': ',image,mask\n'
    + '\n'.join(f'{number},{row}' for number, row in enumerate(rows)),
    'more.csv': 'image,mask,field,size\n'
    + '\n'.join(f'{row},north,150' for row in rows),
  }.items():
    (tmp_path / name).write_text(text)
    assert len(survey.survey(tmp_path / name, tmp_path / 'out').looks) == 3
  for split, names in {'train': 'my s0\nmy s2.png', 'val': 'my s1'}.items():
    (tmp_path / f'{split}.txt').write_text('\ufeff' + names)
  assert look(tmp_path).splits == ['train', 'val', 'train']
  for content in (rows[0].encode('utf-16'), bytes(range(256)) * 9):
    (tmp_path / 'train.txt').write_bytes(content)
    with pytest.raises(InputError, match=r'train\.txt: list cannot be read'):
      look(tmp_path)
  (tmp_path / 'train.txt').write_text('x' * 5000 + '\n' + 'y' * 5000)
  assert finding(look(tmp_path), 'list names no file').files == ('y' * 80,)


def test_lists_that_contradict_themselves(tmp_path):
  fill(tmp_path, 6)
  line = 'images/s{}.png\tlabels/s{}.png\n'.format
  train = [line(i, i) for i in (0, 0, 1, 2, 3, 4)] + [line(1, 2)]
  (tmp_path / 'train.txt').write_text(''.join(train))
  (tmp_path / 'val.txt').write_text(line(4, 4) + line(5, 5))
  found = look(tmp_path)
  assert finding(found, 'two labels for one image').files == ('images/s1.png',)
  assert finding(found, 'in two splits').files == ('images/s4.png',)
  assert found.splits == ['train'] * 3 + ['val'] * 2
  (tmp_path / 'train.txt').write_text('s0\ns1\ns4\nnone')
  (tmp_path / 'val.txt').write_text('s4\ns5')
  found = look(tmp_path)
  assert finding(found, 'list names no file').files == ('none',)
  assert finding(found, 'in two splits').files == ('s4',)
  assert found.splits == ['train'] * 4 + ['val'] * 2
  assert '2 in none of them' in finding(found, 'splits').text


def test_letters_with_accents_in_one_piece_and_in_two(tmp_path):
  fill(tmp_path, 3, 'images/\u00e9{}.png', 'labels/e\u0301{}.png')
  assert len(look(tmp_path).looks) == 3


def test_names_that_lists_cannot_hold_are_left_out(tmp_path):
  fill(tmp_path, 3)
  odd = ['a\tb', 'a\nb', 'a\u2028b', os.fsdecode(b'caf\xe9')]
  for i, name in enumerate(odd):
    save(tmp_path / 'images' / f'{name}.png', photograph(10 + i))
    save(tmp_path / 'labels' / f'{name}.png', label(10 + i))
  found = look(tmp_path)
  assert len(found.looks) == 3
  assert len(finding(found, 'odd names').files) == 4
  assert "'images/caf\\udce9.png'" in finding(found, 'odd names').files


def test_linked_folders_are_followed_once(tmp_path):
  fill(tmp_path / 'disk', 3)
  folder = tmp_path / 'data'
  folder.mkdir()
  (folder / 'images').symlink_to(tmp_path / 'disk' / 'images')
  (folder / 'labels').symlink_to('../disk/labels')
  (tmp_path / 'disk' / 'images' / 'round').symlink_to(folder)
  assert len(look(folder).looks) == 3


def test_results_do_not_go_among_the_data(tmp_path):
  fill(tmp_path, 3)
  for out in (tmp_path, tmp_path / 'images', tmp_path / 'images/../labels'):
    with pytest.raises(InputError, match='must be one for results alone'):
      survey.survey(tmp_path, out)


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
  with pytest.raises(InputError, match=r'such as x/a\.png,x/b\.png; give'):
    survey.survey(tmp_path / 'all.txt', tmp_path / 'out')
  fill(tmp_path / 'one', 1)
  with pytest.raises(InputError, match='measure on; add images'):
    look(tmp_path / 'one')


def test_files_of_other_formats_are_named(tmp_path):
  fill(tmp_path, 3, mask='labels/{}.gif')
  save(tmp_path / '__MACOSX' / 's0.png', label(0))
  with pytest.raises(InputError, match=r'3 files of \.gif, which are not read'):
    look(tmp_path)
  with pytest.raises(InputError, match=r'\.tiff file, but 3 files of \.gif'):
    look(tmp_path / 'labels')
  fill(tmp_path, 3)
  assert {f.level for f in look(tmp_path).findings} == {'warning', 'note'}


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


def test_missing_pairs_and_two_labels(tmp_path):
  fill(tmp_path, 6)
  (tmp_path / 'labels/s1.png').unlink()
  (tmp_path / 'images/s2.png').unlink()
  save(tmp_path / 'labels/s3.tif', label(9))
  save(tmp_path / 'masks/s4_mask.png', label(9))
  found = look(tmp_path)
  assert finding(found, 'image without label').files == ('images/s1.png',)
  assert finding(found, 'label without image').files == ('labels/s2.png',)
  double = finding(found, 'two labels for one image')
  assert set(double.files) == {
    'labels/s3.png', 'labels/s3.tif', 'labels/s4.png', 'masks/s4_mask.png'
  }  # fmt: skip
  assert [x.pair.image.stem for x in found.looks] == ['s0', 's5']


def test_two_images_for_one_label(tmp_path):
  fill(tmp_path, 4)
  save(tmp_path / 'images/s1.jpg', photograph(1))
  found = look(tmp_path)
  assert len(finding(found, 'two images for one label').files) == 2


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


def test_copies_and_overlaps_across_splits(tmp_path):
  for split, first in {'train': 0, 'val': 5, 'test': 8}.items():
    fill(tmp_path, 3, split + '/images/{}.png', split + '/labels/{}.png',
         first=first)  # fmt: skip
  copy = photograph(1)
  smaller = Image.fromarray(copy).resize((120, 110))
  smaller.save(tmp_path / 'val/images/s5.png')
  save(tmp_path / 'val/labels/s5.png', label(5, (110, 120)))
  brighter = np.minimum(photograph(0)[:, ::-1] * 1.1, 255).astype(np.uint8)
  save(tmp_path / 'test/images/s8.png', brighter)
  world = photograph(77, (400, 600))
  rng = np.random.default_rng(0)
  for _ in range(150):
    row, column = rng.integers(10, 390), rng.integers(10, 590)
    world[row - 6 : row + 6, column - 6 : column + 6] = rng.integers(0, 256, 3)
  save(tmp_path / 'train/images/s2.png', world[:, :350])
  save(tmp_path / 'train/labels/s2.png', label(2, (400, 350)))
  save(tmp_path / 'val/images/s6.png', world[:, 200:])
  save(tmp_path / 'val/labels/s6.png', label(6, (400, 400)))
  found = look(tmp_path)
  copies = finding(found, 'near-duplicates across splits').files
  assert len(copies) == 2
  assert any('s1.png' in line and 's5.png' in line for line in copies)
  assert any('s0.png' in line and 's8.png' in line for line in copies)
  overlaps = finding(found, 'images that overlap across splits').files
  assert len(overlaps) == 1 and 's2.png' in overlaps[0]


def test_copies_are_drawn_into_one_split(tmp_path):
  fill(tmp_path, 8)
  for i in range(4):
    save(tmp_path / f'images/copy{i}.jpg', photograph(i))
    save(tmp_path / f'labels/copy{i}.png', label(i))
  for seed in range(3):
    found = look(tmp_path, seed=seed)
    split = dict(
      zip([k.pair.image.stem for k in found.looks], found.splits, strict=True)
    )
    assert all(split[f'copy{i}'] == split[f's{i}'] for i in range(4))
    assert kinds(found, 'warning', 'error') == set()


def test_classes_that_never_occur_or_not_everywhere(tmp_path):
  fill(tmp_path, 6, 'train/images/{}.png', 'train/labels/{}.png',
       values=(0, 1, 3))  # fmt: skip
  fill(tmp_path, 2, 'val/images/{}.png', 'val/labels/{}.png',
       values=(0, 1), first=6)  # fmt: skip
  save(tmp_path / 'val/labels/s7.png', np.ones((140, 150), np.uint8))
  found = look(tmp_path)
  assert 'values 2' in finding(found, 'class never occurs').text
  assert 'class 3' in finding(found, 'class not in val').text
  assert finding(found, 'one value').files == ('val/labels/s7.png (class 1)',)
  names = tmp_path / 'classes.txt'
  names.write_text('soil\nweed\nroad\ncarrot\n')
  found = look(tmp_path)
  assert 'road' in finding(found, 'class never occurs').text
  assert found.table.names == ('soil', 'weed', 'road', 'carrot')


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


def test_folders_make_pictures_that_differ():
  # What the tests above rely on.
  assert (
    np.abs(folders.photograph(0).astype(int) - folders.photograph(1)).mean()
    > 10
  )
