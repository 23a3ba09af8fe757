"""A run over images: what is measured, kept, drawn and resumed."""

import functools

import pytest
import toy_model

from magnet_jax.evaluate import comparison, measuring
from magnet_jax.evaluate.comparison import Comparison
from magnet_jax.files import records
from magnet_jax.methods import table
from magnet_jax.types import InputError

LOADS = [
  functools.partial(toy_model.sample, seed, size)
  for seed, size in enumerate([(64, 64), (40, 90), (64, 64)])
]


@pytest.fixture(name='model', scope='module')
def make_model():
  return toy_model.make()


class Drawn:
  """Notes what it is asked to draw; has no room for image `last` and on."""

  def __init__(self, last=9):
    self.there, self.added, self.last = set(), [], last

  def missing(self, index, method):
    return index < self.last and (index, method) not in self.there

  def add(self, index, sample, method, results):
    assert results and sample.name == f'noise-{index}'
    self.there.add((index, method))
    self.added.append((index, method, len(results)))


@pytest.fixture(name='compare')
def make_compare(model, tmp_path):
  """Makes a run of some methods in one folder."""

  def compare(*names, pictures=None, **settings):
    return Comparison(
      table.make(model, names),
      model.classes,
      tmp_path / 'run',
      settings,
      pictures,
    )

  return compare


def keys(found):
  return [(record['index'], record['method']) for record in found]


def test_each_image_is_measured_by_each_method_in_order(compare, tmp_path):
  told = []
  found, errors = compare('patch', 'downsample').run(LOADS, told.append)
  assert not errors
  assert keys(found) == [
    (index, name) for index in range(3) for name in ('patch', 'downsample')
  ]
  assert told[:2] == ['noise-0 patch', 'noise-0 downsample'] and len(told) == 6
  assert [r['height'] for r in found[::2]] == [64, 40, 64]
  assert records.read(tmp_path / 'run' / 'records.jsonl') == found


def test_records_are_those_of_measuring(compare, model):
  found, _ = compare('magnet').run(LOADS[:1])
  chosen = table.make(model, ['magnet'])
  (alone,) = measuring.evaluate([LOADS[0]()], chosen, model.classes)
  timed = ('index', 'seconds', 'peak_host_mb')
  assert {k: v for k, v in found[0].items() if k not in timed} == {
    k: v for k, v in alone.items() if k not in timed
  }


def test_what_is_compiled_is_not_timed(compare, monkeypatch):
  warm = []
  monkeypatch.setattr(
    comparison.methods, 'warm_up', lambda methods, size: warm.append(size)
  )
  compare('patch').run(LOADS)
  assert warm == [(64, 64), (40, 90)]  # once for each size


def test_an_interrupted_run_measures_the_rest_alone(compare, monkeypatch):
  measure, calls = measuring.measure, []

  def stopped(sample, name, *args):
    calls.append((sample.name, name))
    if len(calls) == 4:
      raise KeyboardInterrupt
    return measure(sample, name, *args)

  monkeypatch.setattr(measuring, 'measure', stopped)
  names = 'downsample', 'magnet'
  with pytest.raises(KeyboardInterrupt):
    compare(*names).run(LOADS)
  told = []
  found, _ = compare(*names).run(LOADS, told.append)
  assert calls[3:5] == [('noise-1', 'magnet')] * 2 and len(calls) == 7
  assert len(told) == 6  # those that were there count as done
  assert keys(found) == [(i, name) for i in range(3) for name in names]
  whole = len(calls)
  assert compare(*names).run(LOADS)[0] == found
  assert len(calls) == whole


def test_further_methods_and_images_are_added(compare):
  first, _ = compare('magnet').run(LOADS[:2])
  second, _ = compare('downsample', 'magnet').run(LOADS)
  assert second[:2] == first and len(second) == 6
  # Records of other methods are shown still, those of other images are not.
  third, _ = compare('downsample').run(LOADS[:1])
  assert {r['method'] for r in third} == {'downsample', 'magnet'}
  assert {r['index'] for r in third} == {0}


def test_a_folder_of_another_run_is_refused(compare):
  compare('patch', overlap=0.25).run(LOADS[:1])
  with pytest.raises(InputError, match=r'overlap 0\.25, not 0\.5.*--out'):
    compare('patch', overlap=0.5).run(LOADS[:1])


def test_bad_images_are_named_and_stop_no_other(compare):
  def broken():
    raise InputError('b.png: is no image')

  bare = functools.partial(toy_model.sample, 7, labelled=False)
  told = []
  loads = [LOADS[0], broken, bare, LOADS[2]]
  found, errors = compare('patch').run(loads, told.append)
  assert [r['index'] for r in found] == [0, 3]
  assert errors[0] == 'b.png: is no image'
  assert errors[1].startswith('noise-7: has no label') and len(errors) == 2
  assert len(told) == 4


def test_images_of_one_name_are_told_apart(compare):
  loads = [LOADS[0], functools.partial(toy_model.sample, 0, (32, 32))]
  found, _ = compare('patch').run(loads)
  assert [r['image'] for r in found] == ['noise-0', 'noise-0 (1)']


def test_pictures_come_with_the_measuring(compare, monkeypatch):
  """No image is segmented for its picture, and none without room is kept."""
  drawn = Drawn(last=2)
  run = compare('downsample', 'magnet', pictures=drawn)
  calls = []
  monkeypatch.setattr(
    run,
    'methods',
    {name: _counted(each, calls, name) for name, each in run.methods.items()},
  )
  run.run(LOADS)
  assert len(calls) == 6
  stages = {0: 2, 1: 3}
  assert drawn.added == [
    (index, name, 1 if name == 'downsample' else stages[index])
    for index in (0, 1)
    for name in ('downsample', 'magnet')
  ]
  again = compare('downsample', 'magnet', pictures=drawn)
  monkeypatch.setattr(
    again,
    'methods',
    {name: _counted(each, calls, name) for name, each in again.methods.items()},
  )
  again.run(LOADS)
  assert len(calls) == 6 and len(drawn.added) == 4


def _counted(method, calls, name):
  class Counted:
    warm_up = staticmethod(method.warm_up)

    @staticmethod
    def segment(image, watch):
      calls.append(name)
      return method.segment(image, watch)

  return Counted()


def test_a_picture_that_is_missing_is_drawn_once(compare):
  compare('downsample', 'magnet').run(LOADS)
  drawn = Drawn(last=2)
  found, _ = compare('magnet', pictures=drawn).run(LOADS)
  assert [each[:2] for each in drawn.added] == [(0, 'magnet'), (1, 'magnet')]
  assert len(found) == 6

  def gone():
    raise InputError('a.png: no such file')

  # Its record is there: that is no error.
  loads = [gone, *LOADS[1:]]
  assert compare('magnet', pictures=Drawn()).run(loads)[1] == []
