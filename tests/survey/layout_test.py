"""Images and labels in any usual layout, and what cannot be paired."""

from folders import fill, label, photograph, save
import pytest
from surveys import finding, kinds, look

from magnet_jax.types import InputError

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
      tmp_path,
      count,
      image.replace('{s}', split).replace('{n}', '{}'),
      mask.replace('{s}', split).replace('{n}', '{}'),
      first=first,
    )
    first += count
  found = look(tmp_path)
  assert kinds(found, 'error') == set()
  assert [found.splits.count(s) for s in ('train', 'val', 'test')] == [4, 2, 1]


def test_letters_with_accents_in_one_piece_and_in_two(tmp_path):
  fill(tmp_path, 3, 'images/\u00e9{}.png', 'labels/e\u0301{}.png')
  assert len(look(tmp_path).looks) == 3


def test_linked_folders_are_followed_once(tmp_path):
  fill(tmp_path / 'disk', 3)
  folder = tmp_path / 'data'
  folder.mkdir()
  (folder / 'images').symlink_to(tmp_path / 'disk' / 'images')
  (folder / 'labels').symlink_to('../disk/labels')
  (tmp_path / 'disk' / 'images' / 'round').symlink_to(folder)
  assert len(look(folder).looks) == 3


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
    'labels/s3.png',
    'labels/s3.tif',
    'labels/s4.png',
    'masks/s4_mask.png',
  }
  assert [x.pair.image.stem for x in found.looks] == ['s0', 's5']


def test_of_two_folders_of_labels_one_is_asked_for(tmp_path):
  fill(tmp_path, 3)
  fill(tmp_path, 3, mask='masks/{}.png', values=(0, 1))
  words = r'3 images with several labels each, in labels/, masks/, left out'
  with pytest.raises(InputError, match=words):
    look(tmp_path)
  # Even if a list, such as that of an init before, names the others.
  (tmp_path / 'train.txt').write_text('images/s0.png\tlabels/s0.png\n')
  found = look(tmp_path, labels=tmp_path / 'x' / '..' / 'masks')
  assert {each.pair.label.parent.name for each in found.looks} == {'masks'}
  assert kinds(found, 'error') == set()
  with pytest.raises(InputError, match=r'--labels=.*none: holds no \.jpg'):
    look(tmp_path, labels=tmp_path / 'none')


def test_labels_of_objects_are_not_those_of_classes(tmp_path):
  """As CVAT writes them, with its names and colours of classes."""
  fill(tmp_path, 4, 'JPEGImages/{}.jpg', 'SegmentationClass/{}.png')
  fill(tmp_path, 4, 'JPEGImages/{}.jpg', 'SegmentationObject/{}.png')
  found = look(tmp_path)
  assert {x.pair.label.parent.name for x in found.looks} == {
    'SegmentationClass'
  }
  assert len(finding(found, 'objects').files) == 4
  other = tmp_path / 'SegmentationObject'
  assert len(look(tmp_path, labels=other).looks) == 4


def test_names_beside_the_images_of_each_split(tmp_path):
  """As Roboflow writes them."""
  first = 0
  for split, count in {'train': 3, 'valid': 2}.items():
    names = f'{split}/{{}}_jpg.rf.0a1b'
    fill(tmp_path, count, f'{names}.jpg', f'{names}_mask.png', first=first)
    first += count
    text = 'Pixel Value, Class\n1, weed\n0, soil\n2, crop, maize\n'
    (tmp_path / split / '_classes.csv').write_text(text)
  found = look(tmp_path)
  assert found.table.names == ('soil', 'weed', 'crop, maize')
  assert found.splits == ['train'] * 3 + ['val'] * 2
  (tmp_path / 'train' / '_classes.csv').write_text('Pixel Value, Class\n1, a')
  with pytest.raises(InputError, match=r'_classes\.csv: must hold one class'):
    look(tmp_path)


def test_two_images_for_one_label(tmp_path):
  fill(tmp_path, 4)
  save(tmp_path / 'images/s1.jpg', photograph(1))
  found = look(tmp_path)
  assert len(finding(found, 'two images for one label').files) == 2


def test_files_of_other_formats_are_named(tmp_path):
  fill(tmp_path, 3, mask='labels/{}.gif')
  save(tmp_path / '__MACOSX' / 's0.png', label(0))
  with pytest.raises(InputError, match=r'3 files of type \.gif, which cannot'):
    look(tmp_path)
  with pytest.raises(
    InputError, match=r'\.tiff file, but 3 files of type \.gif'
  ):
    look(tmp_path / 'labels')
  fill(tmp_path, 3)
  assert {f.level for f in look(tmp_path).findings} == {'warning', 'note'}


def test_one_label_for_images_of_one_name_in_two_splits(tmp_path):
  fill(tmp_path, 4, '{}.jpg', '{}_mask.png')
  for split in ('train', 'val'):
    save(tmp_path / split / 'images' / 'x.png', photograph(0))
  save(tmp_path / 'labels' / 'x.png', label(0))
  found = look(tmp_path)
  assert not any(each.pair.image.stem == 'x' for each in found.looks)
