"""Lists that a folder already has: read, or their faults reported."""

import os

from folders import fill, label, photograph, save
import pytest
from surveys import finding, look

from magnet_jax.survey import survey
from magnet_jax.types import InputError


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


def test_files_that_are_listed_by_way_of_other_folders(tmp_path):
  fill(tmp_path, 4)
  (tmp_path / 'lists').mkdir()
  for split, numbers in {'train': (0, 1), 'val': (2,)}.items():
    (tmp_path / 'lists' / f'{split}.txt').write_text(
      ''.join(f'../images/s{i}.png\t../labels/s{i}.png\n' for i in numbers)
    )
  found = look(tmp_path)
  assert found.splits == ['train'] * 2 + ['val']
  assert set(finding(found, 'not listed').files) == {
    'images/s3.png',
    'labels/s3.png',
  }


def test_one_list_of_pairs_and_one_of_names(tmp_path):
  fill(tmp_path, 5)
  lines = ''.join(f'images/s{i}.png\tlabels/s{i}.png\n' for i in range(3))
  (tmp_path / 'train.txt').write_text(lines)
  (tmp_path / 'val.txt').write_text('s3\n')
  found = look(tmp_path)
  assert found.splits == ['train'] * 3 + ['val']
  assert set(finding(found, 'not listed').files) == {
    'images/s4.png',
    'labels/s4.png',
  }


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
    with pytest.raises(InputError, match=r'train\.txt: cannot be read as a'):
      look(tmp_path)
  (tmp_path / 'train.txt').write_text('x' * 5000 + '\n' + 'y' * 5000)
  assert finding(look(tmp_path), 'list names no file').files == ('y' * 80,)


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
