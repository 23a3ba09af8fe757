"""Everything at once: each section, the time that is kept, and the command."""

import json
import math
import time

import pytest
from timed_networks import SUBJECT

from magnet_jax.bench import everything, everything_table, precisions, sections
from magnet_jax.bench.machine import Machine
from magnet_jax.bench.row import Row
from magnet_jax.bench.sections import SECTIONS, Task
from magnet_jax.cli import main
from magnet_jax.types import InputError

TASK = Task(
  SUBJECT, (1, 2), ('float32',), (64, 96), 1, products={'float32': 1e9}
)


def _rows(name, task=TASK):
  told = []
  _, section = SECTIONS[name]
  rows = list(section(task, told.append))
  assert told
  return rows


def test_the_shares_are_a_whole():
  assert sum(share for share, _ in SECTIONS.values()) == pytest.approx(1)


@pytest.mark.parametrize(('part', 'windows'), [('half of the size', 5)])
def test_an_image(part, windows):
  (row,) = _rows(part)
  assert row.what == 'image 32x48'
  assert row.per_second * row.seconds == pytest.approx(windows)
  assert row.host_mb > 50
  assert row.device_mb is None  # a CPU has the host's memory


def test_networks_alone():
  rows = _rows('networks')
  assert [(row.what.split()[0], row.batch) for row in rows] == [
    ('segmenter', 1),
    ('refiner', 1),
    ('segmenter', 2),
    ('refiner', 2),
  ]
  for row in rows:
    assert row.per_second == pytest.approx(row.batch / row.seconds)
    assert row.of_product == pytest.approx(row.flops / 1e9)
  # Two for each weight and pixel of the refiner, at least.
  operations = rows[1].flops * rows[1].seconds
  assert operations > 2 * 75_000 * 16 * 24


def test_windows():
  first, _ = _rows('windows')
  assert first.busy > 0 and 0 <= first.hidden <= 1
  assert first.per_second > 0 and first.of_product > 0


@pytest.mark.usefixtures('loose_types')
def test_training():
  rows = _rows('training')
  assert [row.batch for row in rows] == [1, 2]
  for row in rows:
    assert row.per_second == pytest.approx(1 / row.seconds)
    assert row.flops > 0


@pytest.mark.usefixtures('loose_types')
def test_a_step_of_training_goes_on():
  step = sections.training.segmenter(SUBJECT.model(), 2)
  losses = [float(step.run()['loss']) for _ in range(20)]
  assert losses[-1] < losses[0]


def test_a_section_has_a_process_of_its_own(monkeypatch):
  monkeypatch.setattr(everything, 'SECTIONS', {'product': (1.0, None)})
  told = []
  found = everything.run(TASK, 300, notify=told.append)
  (row,) = found.rows
  assert (row.unit, row.precision, row.of_product) == (
    'products',
    'float32',
    1.0,
  )
  assert row.flops > 1e8
  assert told == ['matrix product, float32']
  assert not found.ended
  assert found.measured_on.device == 'cpu'


def test_the_time_is_kept(monkeypatch):
  monkeypatch.setattr(everything, 'SECTIONS', {'product': (1.0, None)})
  begin = time.monotonic()
  found = everything.run(TASK, 0.5)
  assert time.monotonic() - begin < 10
  assert found.ended == {'product': 'its share of the time was over'}
  assert not found.rows


class _Answers(list):
  send = list.append


@pytest.mark.parametrize(
  ('error', 'answer'),
  [
    (InputError('no such trunk'), ('refused', 'no such trunk')),
    (MemoryError('needs 9 GB'), ('failed', 'MemoryError: needs 9 GB')),
  ],
)
def test_a_section_that_fails(monkeypatch, error, answer):
  def fail(task, notify):
    notify('begins')
    raise error
    yield

  monkeypatch.setitem(everything.SECTIONS, 'product', (1.0, fail))
  answers = _Answers()
  everything._work(answers, 'product', TASK)
  assert answers[1:] == [('says', 'begins'), answer]


def test_more_memory_than_there_is_is_not_used(monkeypatch):
  monkeypatch.setattr(
    sections.machine.psutil, 'virtual_memory', lambda: Machine
  )
  monkeypatch.setattr(Machine, 'available', 1, raising=False)
  with pytest.raises(MemoryError, match=r'needs 0.0 GB, and 0.0 GB are free'):
    _rows('networks')


def test_the_table():
  rows = (
    Row('matrix product', 'products', 0.5, 2.0, 'tf32', flops=4e9),
    Row('stage of windows', 'windows', 2, 8, 'tf32', 4, busy=0.9, hidden=1.0),
  )
  found = everything.Everything(
    rows, {'training': 'its share of the time was over'}, None, 10
  )
  _, first, second, ended, *_ = everything_table.as_text(found).splitlines()
  assert first.split() == [
    *('matrix', 'product', 'tf32', '0.5000', '2.00', 'products', '4.0')
  ]
  assert second.split()[4:] == ['4', '2.0000', '8.00', 'windows', '90', '100']
  assert ended == 'training: its share of the time was over'
  assert len(everything_table.as_json(found, {})['rows']) == 2


def test_precisions():
  assert precisions.usual() == ('float32',)
  with pytest.raises(InputError, match="'half' must be one of float32, tf32"):
    precisions.check('half')
  with pytest.raises(InputError, match='GPUs multiply'):
    precisions.check('tf32')
  with precisions.using('bfloat16') as dtype:
    assert dtype == 'bfloat16'


def test_a_gpu_multiplies_as_it_is_told(monkeypatch):
  monkeypatch.setattr(precisions.machine, 'accelerated', lambda: True)
  assert precisions.usual() == ('float32', 'tf32', 'bfloat16')
  config = precisions.jax.config
  before = config.jax_default_matmul_precision
  with precisions.using('tf32'):
    assert config.jax_default_matmul_precision == 'tensorfloat32'
  assert config.jax_default_matmul_precision == before


def test_the_command(monkeypatch, tmp_path, capfd):
  given = []

  def run(task, seconds, *, notify):
    given.append((task, seconds))
    row = Row('training', 'steps', 1.0, 1.0, 'float32', 1)
    return everything.Everything((row,), {}, Machine('cpu', 2, 1.0), 9)

  monkeypatch.setattr(everything, 'run', run)
  path = tmp_path / 'all.json'
  flags = ['--all', '--minutes=2', '--size=96x64', '--network=32']
  assert main.main(['bench', *flags, f'--json={path}']) == 0
  text = capfd.readouterr().out
  assert 'training' in text and '9 s in all' in text
  ((task, seconds),) = given
  assert seconds == 120
  assert (task.size, task.batches, task.names) == ((96, 64), (), ())
  assert task.subject.plan['network'] == (32, 32)
  (row,) = json.loads(path.read_text())['rows']
  assert row['unit'] == 'steps'
  assert math.isclose(row['per_second'], 1)


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    (['--all', '--throughput'], 'leave one of them out'),
    (['--all', '--image=a.png'], '--image=a.png: does not work with --all'),
    (['--all', '--windows=.5'], '--windows=.5: does not work with --all'),
    (['--minutes=3'], '--minutes=3.0: needs --all'),
    (['--all', '--minutes=0'], '--minutes=0.0: must be'),
    (['--all', '--dtypes=half'], 'must be one of float32, tf32, bfloat16'),
    (['--throughput', '--dtypes=tf32'], 'GPUs multiply'),
  ],
)
def test_flags_that_do_not_fit(flags, words, capfd):
  assert main.main(['bench', *flags]) == 2
  (line,) = capfd.readouterr().err.splitlines()
  assert words in line
