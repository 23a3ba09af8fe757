"""Samples from files."""

import pickle

import numpy as np
from PIL import Image
import pytest

from magnet_jax.data import file_pairs, reading, sources
from magnet_jax.files import images
from magnet_jax.scenes import generator
from magnet_jax.types import ClassTable, InputError

CLASSES = ClassTable(('soil', 'weed'), ((100, 50, 0), (0, 200, 0)))


def _write(folder, count=3, suffix='.png', size=(6, 8)):
  rng = np.random.default_rng(0)
  for name in ('images', 'labels'):
    (folder / name).mkdir(parents=True)
  for i in range(count):
    pixels = rng.integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(folder / 'images' / f'{i}{suffix}')
    label = np.full(size, i % 2, np.uint8)
    Image.fromarray(label).save(folder / 'labels' / f'{i}.png')
  rows = [f'images/{i}{suffix}\tlabels/{i}.png' for i in range(count)]
  (folder / 'list.txt').write_text('# train\n\n' + '\n'.join(rows) + '\n')
  return folder


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.tif'])
def test_a_list_and_a_folder_give_the_same(tmp_path, suffix):
  folder = _write(tmp_path, suffix=suffix)
  (folder / 'images' / 'notes.txt').write_text('passed over')
  pairs = file_pairs.find(folder / 'list.txt')
  assert pairs == file_pairs.find(str(folder))
  assert pairs == file_pairs.of_folders(folder / 'images', folder / 'labels')
  source = sources.FileSource(pairs, CLASSES)
  assert len(source) == 3
  for i in range(3):
    assert source.size(i) == (6, 8)
    assert source[i].name == str(i)
    np.testing.assert_array_equal(
      source[i].image, images.read_image(pairs[i].image)
    )
    assert source[i].label.tolist() == [[i % 2] * 8] * 6


def test_images_without_labels(tmp_path):
  folder = _write(tmp_path)
  (folder / 'plain.txt').write_text('images/0.png\nimages/1.png\n')
  for pairs in (
    file_pairs.read_list(folder / 'plain.txt'),
    file_pairs.of_folders(folder / 'images', None),
  ):
    source = sources.FileSource(pairs, CLASSES)
    assert source[1].label is None


def test_labels_of_colours(tmp_path):
  folder = _write(tmp_path, count=1)
  label = np.array([[0, 1, 255, 0] * 2] * 6, np.uint8)
  Image.fromarray(CLASSES.palette[label]).save(folder / 'labels' / '0.png')
  pairs = file_pairs.find(folder)
  source = sources.FileSource(pairs, CLASSES, colours=True)
  np.testing.assert_array_equal(source[0].label, label)


def test_the_cache_is_bounded_used_and_pickled_empty(tmp_path, monkeypatch):
  folder = _write(tmp_path, count=4, size=(256, 256))  # 0.25 MB a sample
  source = sources.FileSource(file_pairs.find(folder), CLASSES, cache_mb=0.6)
  read = []
  original = reading.read_sample
  monkeypatch.setattr(
    reading,
    'read_sample',
    lambda image, *args, **kw: (
      read.append(image.stem) or original(image, *args, **kw)
    ),
  )
  for i in (0, 1, 0, 1, 2, 1, 0):
    _ = source[i]
  assert read == ['0', '1', '2', '0']
  copy = pickle.loads(pickle.dumps(source))
  assert copy.size(3) == (256, 256)
  np.testing.assert_array_equal(copy[0].image, source[0].image)
  assert len(pickle.dumps(source)) < 10_000


def test_all_bad_samples_are_found_before_the_first_is_read(tmp_path):
  folder = _write(tmp_path, count=5)
  Image.new('L', (7, 7)).save(folder / 'labels' / '1.png')
  (folder / 'labels' / '3.png').unlink()
  (folder / 'images' / '4.png').write_bytes(b'')
  with pytest.raises(
    InputError, match=r'1\.png: label of 7 x 7 .* \(3 of 5 samples are bad\)'
  ):
    sources.FileSource(file_pairs.read_list(folder / 'list.txt'), CLASSES)


def test_one_bad_sample_is_named(tmp_path):
  folder = _write(tmp_path)
  (folder / 'images' / '2.png').unlink()
  with pytest.raises(InputError, match=r'2\.png: no such file; check'):
    sources.FileSource(file_pairs.read_list(folder / 'list.txt'), CLASSES)
  with pytest.raises(InputError, match='0 samples'):
    sources.FileSource([], CLASSES)


def test_an_image_with_exif_fits_the_label_of_its_turned_size(tmp_path):
  folder = _write(tmp_path, count=1, suffix='.jpg')
  exif = Image.Exif()
  exif[274] = 6
  Image.new('RGB', (6, 8)).save(folder / 'images' / '0.jpg', exif=exif)
  source = sources.FileSource(file_pairs.find(folder), CLASSES)
  assert source.size(0) == source[0].image.shape[:2] == (6, 8)


def test_scenes_are_made_once_and_the_same_as_by_hand(monkeypatch):
  made = []
  original = generator.generate
  monkeypatch.setattr(
    generator,
    'generate',
    lambda seed, size: made.append(seed) or original(seed, size),
  )
  source = sources.SceneSource(5, 2, (48, 64))
  assert len(source) == 2 and source.size(1) == (48, 64) and not made
  expected = original(6, (48, 64))
  for _ in range(2):
    np.testing.assert_array_equal(source[1].image, expected.image)
    np.testing.assert_array_equal(source[1].label, expected.label)
  assert made == [6]
  assert len(pickle.loads(pickle.dumps(source))) == 2
  with pytest.raises(IndexError):
    _ = source[2]


def test_bad_scene_sources():
  with pytest.raises(InputError, match='count 0'):
    sources.SceneSource(0, 0, (8, 8))
  with pytest.raises(InputError, match='from seed -1'):
    sources.SceneSource(-1, 1, (8, 8))
  with pytest.raises(InputError, match=r'scenes of \(0, 8\)'):
    sources.SceneSource(0, 1, (0, 8))
