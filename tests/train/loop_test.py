import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toy_task import STEPS, make_task

from magnet_jax.files import checkpoint_store, records
from magnet_jax.train import loop, pace
from magnet_jax.types import InputError


def result(folder):
  with checkpoint_store.CheckpointStore(folder / 'checkpoints') as store:
    step = store.latest_step()
  final, meta = checkpoint_store.read(folder / 'checkpoints' / str(step))
  return final, meta, step


def without_times(folder):
  found = records.read(folder / 'train.jsonl')
  for record in found:
    del record['seconds'], record['wait'], record['elapsed']
  return found


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
  folder = tmp_path_factory.mktemp('whole')
  loop.train(make_task(), folder)
  return folder


def test_one_record_a_step(whole):
  found = records.read(whole / 'train.jsonl')
  assert [record['step'] for record in found] == list(range(1, STEPS + 1))
  scored = [record['step'] for record in found if 'miou' in record]
  assert scored == [2, 4, 6, 7]
  assert found[0]['rate'] == pytest.approx(0.1)
  assert result(whole)[1].kind == 'segmenter'
  assert result(whole)[2] == STEPS


class Killed(BaseException):
  """Stands for SIGKILL: nothing catches it."""


@pytest.mark.parametrize(
  ('where', 'last'),
  [
    ('step', 1),
    ('step', 4),
    ('record', 2),
    ('record', 5),
    ('save', 1),
    ('save', 4),
  ],
)
def test_a_killed_run_ends_like_a_whole_one(
  where, last, whole, tmp_path, monkeypatch
):
  task = make_task()
  calls = {'step': 0, 'record': 0, 'save': 0}

  def dying(name, function):
    def run(*args, **kwargs):
      calls[name] += 1
      if name == where and calls[name] == last:
        raise Killed
      return function(*args, **kwargs)

    return run

  with monkeypatch.context() as patch:
    patch.setattr(
      records.Writer, 'append', dying('record', records.Writer.append)
    )
    store = checkpoint_store.CheckpointStore
    patch.setattr(store, 'save', dying('save', store.save))
    mortal = dataclasses.replace(task, step=dying('step', task.step))
    with pytest.raises(Killed):
      loop.train(mortal, tmp_path)
  loop.train(task, tmp_path)
  jax.tree.map(
    np.testing.assert_array_equal, result(whole)[0], result(tmp_path)[0]
  )
  assert without_times(whole) == without_times(tmp_path)


def test_a_finished_run_is_left_alone(tmp_path):
  loop.train(make_task(), tmp_path)
  before = (tmp_path / 'train.jsonl').read_bytes()
  loop.train(make_task(), tmp_path)
  assert (tmp_path / 'train.jsonl').read_bytes() == before


def test_a_resumed_run_makes_no_initial_weights(tmp_path):
  loop.train(make_task(), tmp_path)

  def start():
    state = make_task().start()
    assert isinstance(state.step, jax.core.Tracer)
    return state

  assert not loop.train(dataclasses.replace(make_task(), start=start), tmp_path)


def test_patience_ends_it_early_and_for_good(tmp_path):
  seen = []

  def step(before, batch, rate):
    seen.append(float(rate))
    return make_task().step(before, batch, rate)

  task = dataclasses.replace(
    make_task(),
    limits=pace.Limits(1000, patience=2),
    rate=optax.linear_schedule(1e-6, 0.0, 1000),
    step=step,
    evaluate=lambda *_: jnp.array([[1, 1], [1, 1]]),
  )
  assert loop.train(task, tmp_path)
  # The best is that of step 2, two more, and a fifth of 6.
  assert [r['step'] for r in records.read(tmp_path / 'train.jsonl')][-1] == 7
  assert seen[5:] == [pytest.approx(995e-9), pytest.approx(994e-9)]
  assert not loop.train(task, tmp_path)
  assert len(seen) == 7


def test_a_budget_of_time_ends_it(tmp_path, monkeypatch):
  now = [0.0]
  monkeypatch.setattr(pace.time, 'perf_counter', lambda: now[0])

  def step(before, batch, rate):
    now[0] += 100
    return make_task().step(before, batch, rate)

  task = dataclasses.replace(
    make_task(), limits=pace.Limits(1000, hours=1000 / 3600), step=step
  )
  assert loop.train(task, tmp_path)
  found = records.read(tmp_path / 'train.jsonl')
  assert [r['elapsed'] for r in found] == [100.0 * n for n in range(1, 11)]
  assert found[4]['position'] == pytest.approx(500, rel=1e-5)
  assert result(tmp_path)[2] == 10
  now[0] = 1e7
  assert not loop.train(task, tmp_path)
  longer = dataclasses.replace(task, limits=pace.Limits(1000, hours=1 / 3))
  assert loop.train(longer, tmp_path)
  assert result(tmp_path)[2] == 12


def test_validation_batches_are_read_once(tmp_path):
  reads = []

  def validation():
    reads.append(1)
    return iter([{}])

  loop.train(dataclasses.replace(make_task(), validation=validation), tmp_path)
  assert len(reads) == 1


def test_records_of_earlier_versions_are_enough(tmp_path):
  loop.train(make_task(), tmp_path)
  path = tmp_path / 'train.jsonl'
  with records.Writer(tmp_path / 'old.jsonl') as writer:
    for record in records.read(path):
      del record['elapsed'], record['position']
      writer.append(record)
  (tmp_path / 'old.jsonl').replace(path)
  assert not loop.train(make_task(), tmp_path)


def test_a_loss_that_is_not_finite_ends_it(tmp_path):
  task = make_task()

  def step(before, batch, rate):
    after, metrics = task.step(before, batch, rate)
    if int(after.step) == 3:
      metrics['loss'] = jnp.float32(np.nan)
    return after, metrics

  with pytest.raises(InputError, match='loss nan at step 3'):
    loop.train(dataclasses.replace(task, step=step), tmp_path)
  assert result(tmp_path)[2] == 2
  assert len(records.read(tmp_path / 'train.jsonl')) == 2


def test_the_tones_of_the_images_are_measured_once(tmp_path):
  calls = []

  def tones():
    calls.append(1)
    return {'brightness': (98.0, 120.5)}

  for folder, task in (
    (tmp_path / 'new', dataclasses.replace(make_task(), tones=tones)),
    (tmp_path / 'old', make_task()),
  ):
    first = dataclasses.replace(task, limits=pace.Limits(2))
    loop.train(first, folder)
    loop.train(dataclasses.replace(task, tones=tones), folder)
  assert calls == [1]
  assert result(tmp_path / 'new')[1].tones == {'brightness': (98.0, 120.5)}
  # A training of an earlier version goes on without.
  assert result(tmp_path / 'old')[1].tones == {}


@pytest.mark.parametrize(
  ('record', 'words'),
  [
    ({}, 'record 1 has the step None: .*; remove the line'),
    ({'step': 1}, 'record 1 has the seconds None'),
    ({'step': 1, 'seconds': 'x'}, "record 1 has the seconds 'x'"),
    ({'step': 1, 'seconds': 1, 'miou': []}, r'record 1 has the miou \[\]'),
    ({'step': True, 'seconds': 1}, 'record 1 has the step True'),
  ],
)
def test_records_that_are_none(record, words, tmp_path):
  records.write(tmp_path / 'train.jsonl', [record])
  with pytest.raises(InputError, match=rf'train\.jsonl: {words}'):
    loop.train(make_task(), tmp_path)
