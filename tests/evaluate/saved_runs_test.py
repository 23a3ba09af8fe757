import numpy as np
import pytest

from magnet_jax import types
from magnet_jax.evaluate import saved_runs
from magnet_jax.files import records

CLASSES = types.ClassTable(('soil', 'leaf'), ((110, 84, 62), (64, 178, 92)))
MATRIX = [[8, 2], [0, 10]]
MIOU = (8 / 10 + 10 / 12) / 2


def record(image='a', method='magnet', **more):
  values = {
    'image': image,
    'method': method,
    'miou': MIOU,
    'boundary_iou': 0.4,
    'seconds': 1.0,
    'windows': 1,
    'peak_host_mb': 100.0,
    'confusion': MATRIX,
  }
  return values | more


def write(folder, *found, settings=None):
  folder.mkdir(exist_ok=True)
  with records.Writer(folder / 'records.jsonl') as writer:
    for each in found:
      writer.append(each)
  if settings is not None:
    records.write_json(folder / 'settings.json', settings)
  return folder


def refused(path, classes=CLASSES):
  """The one line that a run is refused with."""
  with pytest.raises(types.InputError) as caught:
    saved_runs.read_runs({'mine': path}, classes)
  line = str(caught.value)
  assert '\n' not in line
  return line


def test_a_folder_and_its_file_are_the_same_run(tmp_path):
  folder = write(tmp_path / 'a', record(), record('b'), settings={'k': 1})
  run = saved_runs.read_run('mine', folder, CLASSES)
  assert run.name == 'mine'
  assert run.settings == {'k': 1}
  assert run.methods == ['magnet']
  assert list(run.of('magnet')) == ['a', 'b']
  bare = saved_runs.read_run('mine', folder / 'records.jsonl', CLASSES)
  assert bare.records == run.records
  assert bare.settings == {}
  with pytest.raises(types.InputError, match=r"'patch'.*mine.*magnet"):
    run.of('patch')


def test_the_order_and_the_reference_are_those_of_the_summary(tmp_path):
  methods = ('newer', 'magnet', 'patch', 'later')
  folder = write(tmp_path / 'a', *(record(method=m) for m in methods))
  run = saved_runs.read_run('mine', folder, CLASSES)
  assert run.methods == list(methods) and run.reference == 'magnet'
  rows = [{'method': name} for name in ('patch', 'newer', 'gone', 'magnet')]
  path = folder / 'summary.json'
  records.write_json(path, {'rows': rows, 'reference': 'newer'})
  run = saved_runs.read_run('mine', folder, CLASSES)
  assert run.methods == ['patch', 'newer', 'magnet', 'later']
  assert [row.method for row in run.rows] == run.methods
  assert run.reference == 'newer'
  # One of a version before, or with a method that was removed from it since.
  for content in ({'rows': rows}, {'rows': rows, 'reference': 'gone'}, {}):
    records.write_json(path, content)
    assert saved_runs.read_run('mine', folder, CLASSES).reference == 'magnet'
  path.write_text('{"rows": [')
  line = refused(folder)
  assert 'summary.json' in line and 'evaluate again' in line


def test_what_is_missing_or_empty_is_named(tmp_path):
  assert 'none: no such file' in refused(tmp_path / 'none')
  assert 'records.jsonl: no such file' in refused(tmp_path)
  (tmp_path / 'records.jsonl').touch()
  assert 'holds no record' in refused(tmp_path)
  with pytest.raises(types.InputError, match='0 runs'):
    saved_runs.read_runs({}, CLASSES)


def test_truncated_files_are_refused(tmp_path):
  folder = write(tmp_path / 'a', record(), record('b'), settings={'k': 1})
  path = folder / 'records.jsonl'
  whole = path.read_bytes()
  path.write_bytes(whole[:-9])
  assert 'last record is cut off' in refused(folder)
  # Only the newline is missing: nothing is lost.
  path.write_bytes(whole[:-1])
  assert len(saved_runs.read_run('a', folder, CLASSES).records) == 2
  path.write_bytes(whole[9:])
  assert 'line 1' in refused(folder)
  path.write_bytes(whole)
  (folder / 'settings.json').write_text('{"k": ')
  assert 'settings.json: is not a JSON object' in refused(folder)


@pytest.mark.parametrize(
  ('bad', 'words'),
  [
    ({'image': None}, 'image None'),
    ({'method': 3}, 'method 3'),
    ({'miou': 'high'}, "miou 'high'"),
    ({'seconds': [1]}, 'seconds [1]'),
    ({'miou': 0.2}, 'mean IoU of 0.2, but 0.8166'),
    ({'miou': None}, 'mean IoU of nan'),
    ({'confusion': None}, 'no square confusion matrix'),
    ({'confusion': [[1, 2]]}, 'no square confusion matrix'),
    ({'confusion': [[1, 2], [3]]}, 'no square confusion matrix'),
    ({'confusion': [[1, 2], [3, -4]]}, 'no square confusion matrix'),
    ({'confusion': np.eye(3)}, '3 classes, but the class table has the 2 soil'),
  ],
)
def test_records_of_another_kind_are_refused(tmp_path, bad, words):
  line = refused(write(tmp_path / 'a', record(), record('b') | bad))
  assert 'records.jsonl: record 2' in line
  assert words in line


def test_a_table_with_other_unscored_classes_is_refused(tmp_path):
  folder = write(tmp_path / 'a', record())
  table = types.ClassTable(CLASSES.names, CLASSES.colours, unscored=(0,))
  assert 'unscored' in refused(folder, table)
  folder = write(tmp_path / 'b', record(miou=10 / 12))
  saved_runs.read_run('b', folder, table)


def test_an_image_without_a_scored_class_has_no_mean(tmp_path):
  folder = write(tmp_path / 'a', record(miou=None, confusion=np.zeros((2, 2))))
  assert len(saved_runs.read_run('a', folder, CLASSES).records) == 1


def test_two_records_of_one_image_and_method_are_refused(tmp_path):
  folder = write(tmp_path / 'a', record(), record(method='patch'), record())
  assert 'record 3 is a second one of image a' in refused(folder)


def test_runs_must_have_the_same_labels(tmp_path):
  found = {
    'a': record(),
    'b': record(confusion=[[5, 5], [5, 5]], miou=1 / 3),
    'c': record(confusion=[[9, 0], [2, 9]], miou=9 / 11),
  }
  paths = {name: write(tmp_path / name, each) for name, each in found.items()}
  both = saved_runs.read_runs({'a': paths['a'], 'b': paths['b']}, CLASSES)
  assert list(both) == ['a', 'b']
  # Run c has the same image with other labels.
  with pytest.raises(types.InputError, match=r'image a: .*\[9, 11\].*run c'):
    saved_runs.read_runs(paths, CLASSES)
