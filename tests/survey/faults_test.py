"""Each planted fault is found, and nothing else is.

Every fault is planted in a copy of a sound folder, so that the sound folder
is the case in which no check may trigger.
"""

import os

from folders import COLOURS, fill, label, photograph, save
import numpy as np
from PIL import Image
import pytest
from surveys import kinds, look

from magnet_jax.survey import survey
from magnet_jax.types import InputError

PAIRS = 6
SMALL = {'small split'}  # one of six is for val
PAIR = 'images/s{}.png\tlabels/s{}.png\n'.format


def without_label(folder):
  (folder / 'labels/s1.png').unlink()


def without_image(folder):
  (folder / 'images/s1.png').unlink()


def second_label(folder):
  save(folder / 'labels/s1.tif', label(1))


def second_image(folder):
  save(folder / 'images/s1.jpg', photograph(1))


def other_size(folder):
  save(folder / 'labels/s1.png', label(1, (140, 149)))


def truncated_image(folder):
  whole = (folder / 'images/s1.png').read_bytes()
  (folder / 'images/s1.png').write_bytes(whole[:1000])


def empty_label(folder):
  (folder / 'labels/s1.png').write_bytes(b'')


def text_as_image(folder):
  (folder / 'images/s1.png').write_text('not an image')


def link_to_itself(folder):
  (folder / 'images/s1.png').unlink()
  (folder / 'images/s1.png').symlink_to('s1.png')


def link_to_nothing(folder):
  (folder / 'labels/s1.png').unlink()
  (folder / 'labels/s1.png').symlink_to('gone.png')


def other_format(folder):
  (folder / 'images/s9.bmp').write_bytes(b'BM')


def rotated(folder):
  exif = Image.Exif()
  exif[274] = 6
  save(folder / 'images/s1.jpg', photograph(1), exif=exif)
  (folder / 'images/s1.png').unlink()
  for i in range(3):  # as many labels that follow the orientation
    save(folder / f'images/t{i}.jpg', photograph(20 + i), exif=exif)
    save(folder / f'labels/t{i}.png', label(20 + i, (150, 140)))


def small(folder):
  save(folder / 'images/s1.png', photograph(1, (90, 80)))
  save(folder / 'labels/s1.png', label(1, (90, 80)))


def single_value(folder):
  save(folder / 'labels/s1.png', np.ones((140, 150), np.uint8))


def stray_value(folder):
  pixels = label(1)
  pixels[7, 9] = 9
  save(folder / 'labels/s1.png', pixels)


def float_label(folder):
  (folder / 'labels/s1.png').unlink()
  save(folder / 'labels/s1.tif', label(1).astype(np.float32))


def deep_label(folder):
  """Values of 16 bits among labels of colours."""
  for i in range(PAIRS):
    save(folder / f'labels/s{i}.png', COLOURS[label(i)])
  save(folder / 'labels/s1.png', label(1).astype(np.uint16))


def missing_value(folder):
  for i in range(PAIRS):
    save(folder / f'labels/s{i}.png', label(i, values=(0, 1, 3)))


def soft_edges(folder):
  for i in range(PAIRS):
    sharp = Image.fromarray(label(i, (60, 60), (0, 255)))
    soft = sharp.resize((150, 140), Image.Resampling.BILINEAR)
    soft.save(folder / f'labels/s{i}.png')


def grey_image(folder):
  grey = Image.fromarray(photograph(1)).convert('L')
  save(folder / 'images/s1.png', np.asarray(grey))


def dark_image(folder):
  save(folder / 'images/s1.png', photograph(1) // 10)


def odd_name(folder):
  for name in ('images', 'labels'):
    os.rename(folder / name / 's1.png', folder / name / 's\t1.png')


def missing_line(folder):
  """Lists of all pairs, and a line of a file that does not exist."""
  lines = [PAIR(i, i) for i in range(PAIRS)] + ['images/x.png\tlabels/x.png\n']
  for split, rows in {
    'train': lines[:4] + lines[PAIRS:],
    'val': lines[4:5],
    'test': lines[5:PAIRS],
  }.items():
    (folder / f'{split}.txt').write_text(''.join(rows))


def in_two_lists(folder):
  missing_line(folder)
  (folder / 'train.txt').write_text(''.join(PAIR(i, i) for i in range(5)))


def two_labels_in_lists(folder):
  missing_line(folder)
  lines = ''.join(PAIR(i, i) for i in range(4)) + PAIR(1, 2)
  (folder / 'train.txt').write_text(lines)


FAULTS = [
  (without_label, 'error', 'image without label', 's1.png'),
  (without_image, 'error', 'label without image', 's1.png'),
  (second_label, 'error', 'two labels for one image', 's1.tif'),
  (second_image, 'error', 'two images for one label', 's1.jpg'),
  (other_size, 'error', 'sizes differ', '149x140 for 150x140'),
  (truncated_image, 'error', 'unreadable', 's1.png'),
  (empty_label, 'error', 'unreadable', 's1.png: is empty'),
  (text_as_image, 'error', 'unreadable', 's1.png: is not a JPEG'),
  (link_to_itself, 'error', 'unreadable', 's1.png'),
  (link_to_nothing, 'error', 'unreadable', 's1.png: no such file'),
  (float_label, 'error', 'unreadable', 'floating-point'),
  (rotated, 'error', 'EXIF orientation', 's1.jpg'),
  (odd_name, 'error', 'odd names', r"'images/s\t1.png'"),
  (missing_line, 'error', 'list names no file', 'images/x.png'),
  (two_labels_in_lists, 'error', 'two labels for one image', 's1.png'),
  (deep_label, 'error', 'no class', 's1.png holds values of more than 8 bits'),
  (other_format, 'warning', 'other formats', 's9.bmp'),
  (small, 'warning', 'small images', 's1.png'),
  (single_value, 'warning', 'one value', 's1.png (class 1)'),
  (stray_value, 'warning', 'stray labels', '9 in 1 pixel'),
  (missing_value, 'warning', 'class never occurs', 'no label holds 2'),
  (soft_edges, 'warning', 'inexact labels', 'JPEG and smoothed edges'),
  (grey_image, 'warning', 'kinds of images', '1 with 1 band of 8 bits'),
  (dark_image, 'warning', 'dark images', '1 image'),
  (in_two_lists, 'warning', 'in two splits', 's4.png'),
]
# A stray value cannot be in three splits, nor can a lost pair be in a list.
FOLLOWING = {
  stray_value: {'class not in train', 'class not in val', 'class not in test'},
  deep_label: {'kinds of labels'},
  rotated: {'EXIF orientation'},  # the others are to be looked at
}


@pytest.fixture(scope='module')
def sound(tmp_path_factory):
  return fill(tmp_path_factory.mktemp('sound'), PAIRS)


@pytest.mark.parametrize(
  ('plant', 'level', 'kind', 'about'),
  FAULTS,
  ids=[plant.__name__ for plant, *_ in FAULTS],
)
def test_a_planted_fault_is_the_only_finding(
  tmp_path, plant, level, kind, about
):
  fill(tmp_path, PAIRS)
  plant(tmp_path)
  found = look(tmp_path)
  (one,) = [f for f in found.findings if (f.level, f.kind) == (level, kind)]
  assert any(about in text for text in (one.text, *one.files))
  others = kinds(found, 'error', 'warning') - {kind, *SMALL}
  assert others <= FOLLOWING.get(plant, set())
  for each in found.findings:
    assert '\n' not in each.text + each.remedy
    assert each.remedy or each.level == 'note'


def test_a_sound_folder_has_none_of_them(sound):
  found = look(sound)
  assert kinds(found, 'error', 'warning') == SMALL
  assert kinds(found, 'note') == {'splits'}


def nothing(folder):
  pass


def images_only(folder):
  for i in range(3):
    save(folder / f'images/s{i}.png', photograph(i))


def one_pair(folder):
  fill(folder, 1)


def all_copies(folder):
  fill(folder, 2)
  save(folder / 'images/s1.png', photograph(0))


def photographs_as_labels(folder):
  fill(folder, 3)
  for i in range(3):
    save(folder / f'labels/s{i}.png', photograph(50 + i))


def instances(folder):
  fill(folder, 3)
  numbers = np.arange(900, dtype=np.uint16).repeat(24)[:21000]
  for i in range(3):
    save(folder / f'labels/s{i}.png', numbers.reshape(140, 150))


def unreadable_list(folder):
  fill(folder, 3)
  (folder / 'train.txt').write_bytes(b'\xff\xfe\x00\x80')


def too_few_names(folder):
  fill(folder, 3)
  (folder / 'classes.txt').write_text('soil\n')


def equal_names(folder):
  fill(folder, 3)
  (folder / 'classes.txt').write_text('soil\nsoil\nweed\n')


def broken_table(folder):
  fill(folder, 3)
  (folder / 'classes.json').write_text('{"classes": [')


@pytest.mark.parametrize(
  ('plant', 'remedy'),
  [
    (nothing, 'give the folder that holds the images'),
    (images_only, 'put images and labels of the same names into'),
    (one_pair, 'add images and their labels'),
    (all_copies, 'add images, or remove'),
    (photographs_as_labels, 'map them to classes first'),
    (instances, 'map them to classes first'),
    (unreadable_list, 'give a text file (UTF-8)'),
    (too_few_names, 'give one name for each'),
    (equal_names, 'correct it'),
    (broken_table, 'correct it, or let magnet-jax init write one'),
  ],
)
def test_what_stops_the_survey_is_one_line_with_its_remedy(
  tmp_path, plant, remedy
):
  plant(tmp_path)
  with pytest.raises(InputError) as error:
    look(tmp_path)
  assert '\n' not in str(error.value)
  assert remedy in str(error.value)


def test_a_link_to_a_folder_above_does_not_loop(sound, tmp_path):
  (tmp_path / 'data').symlink_to(sound)
  (sound / 'images' / 'up').symlink_to('..')
  try:
    assert len(look(sound).looks) == PAIRS
    found = survey.survey(tmp_path / 'data', tmp_path / 'out')
    assert len(found.looks) == PAIRS
  finally:
    (sound / 'images' / 'up').unlink()
