"""Folders of runs that somebody else has written or changed."""

import json
import os

import numpy as np
import pytest

from magnet_jax.evaluate import kept_records, record
from magnet_jax.files import images
from magnet_jax.report import csv_tables, runs, views
from magnet_jax.types import ClassTable, InputError

STAGE = {'title': 'coarse', 'label': 'label.png', 'method': 'magnet'}
ABOUT = {'name': 'a', 'size': [8, 9], 'image': 'image.jpg', 'stages': [STAGE]}
RECORD = {
  'image': 'a',
  'method': 'magnet',
  'index': 0,
  'miou': 1.0,
  'confusion': [[4, 0], [0, 5]],
}


@pytest.fixture(name='folder')
def make_folder(tmp_path):
  """A run with pictures of one image, beside a picture of another person."""
  folder = tmp_path / 'run' / 'views' / '0'
  folder.mkdir(parents=True)
  for path in (folder / 'image.jpg', tmp_path / 'secret.png'):
    images.write_image(path, np.zeros((8, 9, 3), np.uint8))
  images.write_image(folder / 'label.png', np.zeros((8, 9), np.uint8))
  (folder / 'view.json').write_text(json.dumps(ABOUT))
  return folder


def _read(folder):
  return [view.encoded() for view in views.read(folder.parents[1])]


def test_pictures_as_written_are_read(folder):
  (view,) = _read(folder)
  assert view['image'].startswith('data:image/jpeg;base64,')


@pytest.mark.parametrize(
  'change',
  [
    {'image': '/etc/hostname.png'},
    {'image': '../../../secret.png'},
    {'image': 'image.svg'},
    {'truth': '../secret.png'},
    {'image': ['image.jpg']},
    {'image': 'a\0.png'},
    {'name': ['a']},
    {'name': '\ud800'},
    {'size': [10**400, 1]},
    {'size': [float('inf'), 1]},
    {'size': [8]},
    {'size': [0, 9]},
    {'stages': {}},
    {'stages': ['coarse']},
    {'stages': [STAGE | {'label': '../../../secret.png'}]},
    {'stages': [STAGE | {'title': 7}]},
    {'stages': [STAGE | {'method': []}]},
    {'panel': {}},
  ],
)
def test_what_is_no_description_is_one_line(folder, change):
  (folder / 'view.json').write_text(json.dumps(ABOUT | change))
  with pytest.raises(InputError, match=r'view\.json|missing or dam') as caught:
    _read(folder)
  assert '\n' not in str(caught.value) and len(str(caught.value)) < 600


def _link(path):
  path.unlink()
  path.symlink_to(path.parents[3] / 'secret.png')


def _pipe(path):
  path.unlink()
  os.mkfifo(path)


def _huge(path):
  data = bytearray(path.with_name('label.png').read_bytes())
  data[16:24] = (100_000).to_bytes(4) * 2
  path.write_bytes(data)


@pytest.mark.parametrize('change', [_link, _pipe, _huge])
@pytest.mark.parametrize('name', ['image.jpg', 'label.png', 'view.json'])
def test_files_that_are_no_files_of_the_folder(folder, change, name):
  change(folder / name)
  with pytest.raises(InputError, match=name.replace('.', r'\.')):
    _read(folder)


@pytest.mark.parametrize(
  'change',
  [
    {'image': 3},
    {'method': ['magnet']},
    {'index': None},
    {'index': 0.5},
    {'index': -1},
    {'seconds': 'fast'},
    {'boundary_f': []},
    {'height': True},
    {'iou': {'soil': 1}},
    {'iou': ['high', 1]},
    {'confusion': [[1], [2, 3]]},
    {'confusion': [[1, 2], [3, 2**50]]},
    {'boundary': [[0.5, 1]]},
  ],
)
def test_a_run_is_not_resumed_on_changed_records(tmp_path, change):
  (tmp_path / 'records.jsonl').write_text(json.dumps(RECORD | change) + '\n')
  with pytest.raises(InputError, match=r'records\.jsonl: record 1: has '):
    kept_records.KeptRecords(tmp_path, {}, ['magnet'])


def test_a_run_is_resumed_on_its_own_records(tmp_path):
  (tmp_path / 'records.jsonl').write_text(json.dumps(RECORD) + '\n')
  kept = kept_records.KeptRecords(tmp_path, {}, ['magnet'])
  assert kept.found == [RECORD]
  assert record.counts([[10**400]]) is None


@pytest.mark.parametrize('step', [None, {}, [1], 'x', True])
def test_a_training_has_steps(tmp_path, step):
  records = tmp_path / 'val' / 'records.jsonl'
  records.parent.mkdir()
  records.write_text(json.dumps(RECORD) + '\n')
  (tmp_path / 'train.jsonl').write_text(json.dumps({'step': step}) + '\n')
  table = ClassTable(('soil', 'weed'), ((0, 0, 0), (9, 9, 9)))
  with pytest.raises(InputError, match=r'train\.jsonl: record 1 has the step'):
    runs.find([tmp_path], table)


def test_no_cell_is_a_formula():
  cells = ('=1+1', '@a', '+cmd', '-x', '-1.5', '+2', 'a=b', -3, None, '\t=1')
  quoted = csv_tables.text(iter([cells]))
  assert quoted == "'=1+1,'@a,'+cmd,'-x,-1.5,+2,a=b,-3,,'\t=1\n"
