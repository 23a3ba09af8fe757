import pytest

from magnet_jax import types
from magnet_jax.evaluate import kept_records
from magnet_jax.evaluate.kept_records import KeptRecords
from magnet_jax.files import records

METHODS = ('downsample', 'magnet')


def record(index, method, image='a'):
  return {'index': index, 'method': method, 'image': image}


def test_damaged_settings_are_named(tmp_path):
  (tmp_path / 'settings.json').write_text('{"split": "v')
  with pytest.raises(types.InputError, match=r'settings\.json.*--out'):
    KeptRecords(tmp_path, {'split': 'val'}, ['magnet'])


def test_records_of_several_processes_become_those_of_one(tmp_path):
  one = KeptRecords(tmp_path, {}, METHODS)
  for index in range(4):
    for method in METHODS:
      one.add(record(index, method, 'ab'[index % 2]))
  parts = [
    record(index, method, 'ab'[index % 2])
    for method in reversed(METHODS)
    for index in (1, 3, 0, 2)
  ]
  assert kept_records.merged(parts, METHODS) == one.finish()
  assert kept_records.merged([*one.found, *parts], METHODS) == one.found
  assert records.read(tmp_path / 'records.jsonl') == one.found


def test_one_process_goes_on_where_several_were_stopped(tmp_path):
  records.write_json(tmp_path / 'settings.json', {'seed': 1})
  for number, index in ((1, 1), (0, 0)):
    records.write(
      tmp_path / f'records.{number}.jsonl', [record(index, 'magnet')]
    )
  kept = KeptRecords(tmp_path, {'seed': 1}, METHODS)
  assert [r['image'] for r in kept.found] == ['a', 'a (1)']
  assert kept.methods_of(1) == {'magnet'}
  assert {path.name for path in tmp_path.iterdir()} == {
    'records.jsonl',
    'settings.json',
  }


def test_a_run_that_did_not_keep_its_classes_goes_on(tmp_path):
  kept = KeptRecords(tmp_path, {'seed': 1}, METHODS)
  assert not list(tmp_path.iterdir())  # nothing is kept without a record
  kept.add(record(0, 'magnet'))
  KeptRecords(tmp_path, {'seed': 1, 'classes': ['soil']}, METHODS)
  with pytest.raises(types.InputError, match='seed 1, not 2'):
    KeptRecords(tmp_path, {'seed': 2}, METHODS)
