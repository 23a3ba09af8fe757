"""Pairs from lists and folders."""

from PIL import Image
import pytest

from magnet_jax.data import file_pairs
from magnet_jax.types import InputError


def _folder(path):
  """Two pairs, by name."""
  for name in ('images', 'labels'):
    (path / name).mkdir(parents=True)
    for i in range(2):
      Image.new('L', (4, 4)).save(path / name / f'{i}.png')
  return path


def test_a_list_with_comments_and_a_folder_give_the_same(tmp_path):
  folder = _folder(tmp_path)
  (folder / 'images' / 'notes.txt').write_text('ignored')
  (folder / 'images' / '.hidden.png').write_bytes(b'')
  rows = [f'images/{i}.png\tlabels/{i}.png' for i in range(2)]
  (folder / 'list.txt').write_text('\ufeff# train\n\n' + '\n'.join(rows))
  pairs = file_pairs.find(folder)
  assert [each.image.name for each in pairs] == ['0.png', '1.png']
  assert pairs == file_pairs.find(str(folder / 'list.txt'))
  assert pairs == file_pairs.of_folders(folder / 'images', folder / 'labels')


@pytest.mark.parametrize('name', ['labels', 'masks', 'gt', 'Ground_Truth'])
def test_the_folder_of_labels_may_have_any_usual_name(tmp_path, name):
  folder = _folder(tmp_path)
  (folder / 'labels').rename(folder / name)
  (folder / 'thumbnails').mkdir()
  assert [each.label.parent.name for each in file_pairs.find(folder)] == [
    name
  ] * 2
  _folder(tmp_path / 'b')
  (folder / 'b' / 'labels').rename(folder / 'targets')
  with pytest.raises(InputError, match=r'/ and .*: must be one folder of'):
    file_pairs.find(folder)


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('', 'names no image'),
    ('# only words\n', 'names no image'),
    ('a.png\tb.png\tc.png\n', r'line 1 .*image<TAB>label'),
    ('a.png\tb.png\n\tb.png\n', r'line 2'),
  ],
)
def test_bad_lists(tmp_path, text, message):
  path = tmp_path / 'list.txt'
  path.write_text(text)
  with pytest.raises(InputError, match=message):
    file_pairs.find(path)


def test_missing_and_binary_lists(tmp_path):
  with pytest.raises(InputError, match='no such file'):
    file_pairs.find(tmp_path / 'none.txt')
  (tmp_path / 'binary').write_bytes(b'\xff\xfe\x00\x80')
  with pytest.raises(InputError, match='cannot be read as a list'):
    file_pairs.find(tmp_path / 'binary')


def test_bad_folders(tmp_path):
  with pytest.raises(InputError, match=r'images: no such folder'):
    file_pairs.find(tmp_path)
  folder = _folder(tmp_path / 'a')
  (folder / 'labels' / '1.png').unlink()
  with pytest.raises(
    InputError, match=r'1\.png: has no partner .*\(1 in total\)'
  ):
    file_pairs.find(folder)
  (folder / 'images' / '1.png').unlink()
  Image.new('RGB', (3, 3)).save(folder / 'images' / '0.jpg')
  with pytest.raises(InputError, match=r'0\.png: has the same name as 0\.jpg'):
    file_pairs.find(folder)
  for file in (folder / 'images').iterdir():
    file.unlink()
  with pytest.raises(InputError, match=r'holds no \.jpg'):
    file_pairs.find(folder)
