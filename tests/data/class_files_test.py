"""Class tables from the user's JSON files."""

import json

import pytest

from magnet_jax.data import class_files, classes
from magnet_jax.types import ClassTable, InputError, LabelCodes

ROW = {'name': 'a', 'colour': [1, 2, 3]}


@pytest.mark.parametrize(
  'codes',
  [
    None,
    LabelCodes(((0,), (7, 300))),
    LabelCodes((((0, 0, 0),), ((9, 9, 9), (8, 8, 8))), ((1, 1, 1),), 30),
  ],
)
def test_a_table_survives_its_file(tmp_path, codes):
  table = ClassTable(
    ('soil', 'weed'), ((1, 2, 3), (4, 5, 6)), unscored=(1,), codes=codes
  )
  class_files.write(tmp_path / 'classes.json', table)
  assert classes.get(str(tmp_path / 'classes.json')) == table


@pytest.mark.parametrize(
  ('content', 'words'),
  [
    ([], r'class file is \[\]: must be an object'),
    ({}, 'classes: is missing'),
    ({'classes': []}, '0 classes: must be a list of 1 to'),
    ({'classes': [{'colour': [1, 2, 3]}]}, r'classes\[0\].name: is missing'),
    ({'classes': [{'name': 'a'}]}, r'classes\[0\].colour: is missing'),
    ({'classes': [{**ROW, 'colour': 'red'}]}, "colour is 'red'"),
    ({'classes': [{**ROW, 'colour': [1, 2, 256]}]}, r'\[1, 2, 256\]'),
    ({'classes': [{**ROW, 'color': 1}]}, 'color: unknown; .*colour'),
    ({'classes': [ROW], 'ignore': [255]}, 'ignore: unknown; .*ignored'),
    ({'classes': [ROW, ROW]}, 'must differ'),
    ({'classes': [ROW], 'unscored': ['b']}, 'unscored b'),
    ({'classes': [{**ROW, 'labels': []}]}, r'labels \(\)'),
    ({'classes': [{**ROW, 'labels': [0]}, {**ROW, 'name': 'b'}]}, "'b'"),
    ({'classes': [{**ROW, 'labels': [0, 0]}]}, 'code 0: belongs to two'),
    ({'classes': [{**ROW, 'labels': [0, [1, 2, 3]]}]}, 'all values or all'),
    ({'classes': [{**ROW, 'labels': [0]}], 'tolerance': -1}, 'tolerance -1'),
    ({'classes': [ROW], 'ignored': None}, 'ignored is None: must be a list'),
    ({'classes': [ROW], 'unscored': 'a'}, "unscored is 'a': must be a list"),
    ({'classes': [{**ROW, 'name': None}]}, 'name is None: must be text'),
    ({'classes': [{**ROW, 'name': ' '}]}, 'each with a name'),
    ({'classes': [{**ROW, 'labels': [2**40]}]}, 'must fit into 32 bits'),
  ],
)
def test_bad_files(tmp_path, content, words):
  path = tmp_path / 'c.json'
  path.write_text(json.dumps(content))
  with pytest.raises(InputError, match=f'c.json: .*{words}'):
    class_files.read(path)


def test_missing_and_broken_files(tmp_path):
  with pytest.raises(InputError, match='no such class file'):
    classes.get(str(tmp_path / 'none.json'))
  text = json.dumps({'classes': [ROW]})
  (tmp_path / 'c.json').write_text('\ufeff' + text)  # as Windows marks texts
  assert class_files.read(tmp_path / 'c.json').names == (ROW['name'],)
  (tmp_path / 'c.json').write_text('{')
  with pytest.raises(InputError, match='cannot be read as JSON'):
    class_files.read(tmp_path / 'c.json')
