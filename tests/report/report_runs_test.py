"""Folders of runs: what is found in them, and what is refused."""

import csv
import json

import numpy as np
import pytest

from magnet_jax import types
from magnet_jax.data import class_files, classes
from magnet_jax.files import records
from magnet_jax.metrics import confusion
from magnet_jax.report import overview, runs, sections

CLASSES = types.ClassTable(('soil', 'leaf'), ((110, 84, 62), (64, 178, 92)))


@pytest.fixture(name='write')
def make_write(tmp_path):
  """Writes a run of two images and two methods; returns its folder."""

  def write(name, right=80, table=CLASSES, more=None):
    folder = tmp_path / name
    folder.mkdir(parents=True)
    matrix = np.diag([right, 100, *[50] * (len(table) - 2)])
    matrix[0, 1] = 100 - right
    score = confusion.mean_iou(matrix, table.unscored)
    records.write(
      folder / 'records.jsonl',
      [
        {
          'image': image,
          'method': method,
          'miou': score,
          'seconds': n + 1,
          'boundary_iou': 0.5,
          'confusion': matrix,
          'windows': n,
          **(more or {}),
        }
        for image in ('one', 'two')
        for n, method in enumerate(('downsample', 'magnet'))
      ],
    )
    content = {'seed': right, 'classes': class_files.to_json(table)}
    records.write_json(folder / 'settings.json', content)
    return folder

  return write


def test_runs_of_a_training_are_found_with_its_curves(write, tmp_path):
  write('top/val')
  write('top/test', right=90)
  (tmp_path / 'top' / 'segmenter').mkdir()
  records.write(
    tmp_path / 'top' / 'segmenter' / 'train.jsonl',
    [{'step': n, 'loss': 1 / n, 'miou': None} for n in range(1, 200)]
    + [{'step': 200, 'loss': None, 'miou': 0.5}],
  )
  found = runs.find([tmp_path / 'top'])
  assert list(found.runs) == ['test', 'val']
  assert found.classes == CLASSES
  text = overview.html_page(found, 'two')
  for words in (
    'test: magnet',
    'Settings that differ',
    'loss against step',
    'mIoU % against windows',
    'Confusion matrices',
    'magnet: val - test',
  ):
    assert words in text, words
  names = overview.write_files(found, tmp_path / 'files')
  assert {'classes.png', 'training_loss.png', 'results.csv'} < set(names)
  assert {path.name for path in (tmp_path / 'files').iterdir()} == set(names)
  lines = (tmp_path / 'files' / 'results.csv').read_text().splitlines()
  assert lines[0].startswith('run,method,images') and len(lines) == 5


def test_the_tables_for_spreadsheets_have_all_numbers(write, tmp_path):
  folders = [write('first'), write('second', right=90)]
  found = runs.find(folders)
  names = overview.write_files(found, tmp_path / 'files')
  read = {}
  for name in names:
    if name.endswith('.csv'):
      with (tmp_path / 'files' / name).open() as lines:
        read[name[:-4]] = list(csv.DictReader(lines))
  assert set(read) == {
    'results',
    'further',
    'differences',
    'classes',
    'confusion',
  }
  matrix = np.array([[80, 20], [0, 100]])
  first = read['results'][0]
  score = f'{100 * confusion.mean_iou(matrix):.2f}'
  # Both images are alike, so the interval is a point.
  assert {first[f'mIoU %{end}'] for end in ('', ' low', ' high')} == {score}
  assert [float(line['IoU %']) for line in read['classes'][:2]] == (
    pytest.approx(100 * confusion.iou(matrix), abs=0.01)
  )
  pixels = [int(line['pixels']) for line in read['confusion'][:4]]
  assert pixels == (2 * matrix).ravel().tolist()
  across = read['differences'][-2]
  assert (across['run'], across['minus run']) == ('second', 'first')
  assert float(across['points']) > 0 and across['images'] == '2'


def test_lines_over_different_images_are_said_to_be(write):
  folders = [write('first'), write('second')]
  said = 'over different images'
  assert said not in overview.html_page(runs.find(folders), 'same')
  path = folders[1] / 'records.jsonl'
  path.write_text('\n'.join(path.read_text().splitlines()[:3]) + '\n')
  text = overview.html_page(runs.find(folders), 'interrupted')
  assert said in text and '1 to 2 images.' in text


def test_names_are_as_long_as_they_must_be(write, tmp_path):
  folders = [write('a/val'), write('b/val')]
  assert list(runs.find(folders).runs) == ['a/val', 'b/val']
  # 'val' and 'test' would not say of which training each is.
  other = [folders[0], write('b/test')]
  assert list(runs.find(other).runs) == ['a/val', 'b/test']
  records_alone = [folder / 'records.jsonl' for folder in other]
  table = runs.find(records_alone, CLASSES).runs
  assert list(table) == ['a/val', 'b/test']
  deep = [write('c/out/val'), write('d/out/test')]
  assert list(runs.find(deep).runs) == ['c/out/val', 'd/out/test']
  assert list(runs.find([tmp_path / 'b']).runs) == ['test', 'val']
  text = tmp_path / 'results.txt'
  text.write_text('words')
  assert list(runs.find([*folders[:1], text]).runs) == ['val']
  with pytest.raises(types.InputError, match='named twice'):
    runs.find([folders[0], folders[0]])


def test_older_runs_get_the_table_that_agrees(write):
  folder = write('old', table=classes.TABLES['deepglobe'])
  (folder / 'settings.json').unlink()
  assert runs.find([folder]).classes == classes.TABLES['deepglobe']
  folder = write('none')
  (folder / 'settings.json').unlink()
  with pytest.raises(types.InputError, match='--classes'):
    runs.find([folder])
  assert runs.find([folder], CLASSES).classes == CLASSES


def test_bad_folders_are_named(write, tmp_path):
  folder = write('good')
  (tmp_path / 'empty').mkdir()
  other = types.ClassTable(('soil', 'weed'), CLASSES.colours)
  fewer = types.ClassTable(CLASSES.names, CLASSES.colours, unscored=(0,))
  cases = [
    ([tmp_path / 'empty'], r'empty: has no records\.jsonl'),
    ([tmp_path / 'nowhere'], 'no such folder'),
    ([folder, write('other', table=other)], 'weed.*must have the same'),
    ([folder, write('left_out', table=fewer)], r'soil \(not scored\), leaf,'),
  ]
  for paths, words in cases:
    with pytest.raises(types.InputError, match=words):
      runs.find(paths)
  path = folder / 'records.jsonl'
  lines = path.read_text().splitlines()
  lines[1] = lines[1][:40]
  path.write_text('\n'.join(lines) + '\n')
  with pytest.raises(types.InputError, match='line 2'):
    runs.find([folder])
  (folder / 'settings.json').unlink()
  with pytest.raises(types.InputError, match='line 2'):
    runs.find([folder])
  (folder / 'settings.json').write_text(json.dumps({'classes': [1]}))
  with pytest.raises(types.InputError, match=r'settings\.json: class file'):
    runs.find([folder])


def test_bad_names_of_a_page_are_refused(write, tmp_path):
  found = runs.find([write('run')])
  (tmp_path / 'photo.jpg').write_text('pixels')
  (tmp_path / 'folder.html').mkdir()
  cases = [
    (tmp_path, r'is a folder.*report\.html'),
    ('', r'is a folder.*such as report\.html'),
    (tmp_path / 'photo.jpg', r'names no page.*such as .*photo\.html'),
    (tmp_path / 'folder.html', 'cannot be written, Is a directory'),
    (tmp_path / 'photo.jpg' / 'report.html', 'is a file'),
    ('x' * 300 + '.html', 'too long; choose a shorter name'),
  ]
  for path, words in cases:
    with pytest.raises(types.InputError, match=words):
      overview.write(found, path, 'title')
  assert (tmp_path / 'photo.jpg').read_text() == 'pixels'


def test_bars_of_classes_are_drawn_or_it_is_said_why_not(write):
  folders = [write(str(number)) for number in range(5)]
  few = runs.find(folders[:4])
  assert sections.why_no_classes(few.runs) == ''
  assert sections.class_chart(few.runs) is not None
  many = runs.find(folders)
  assert sections.class_chart(many.runs) is None
  assert '10 methods in all, and 8' in sections.why_no_classes(many.runs)
  path = folders[0] / 'records.jsonl'
  path.write_text(path.read_text().replace('"one"', '"three"', 1))
  path.write_text(path.read_text().replace('"two"', '"four"', 1))
  apart = runs.find(folders[:2])
  assert sections.class_chart(apart.runs) is None
  assert 'no image in common' in sections.why_no_classes(apart.runs)


def test_further_scores_are_shown(write):
  found = runs.find([write('run', more={'boundary_f': 0.125})])
  text = overview.html_page(found, 'title')
  assert 'Further scores' in text and '<td>12.50</td>' in text
  # Of the columns of words the first stands left by itself.
  assert '<th scope="col" class="word">method</th>' in text
  assert '<td class="word">magnet</td>' in text
