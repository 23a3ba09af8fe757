"""Scalars for TensorBoard and Weights & Biases, whose packages are extras."""

import dataclasses
import importlib.util
import json
import sys
import types

import pytest
import toy_task

from magnet_jax.cli import main
from magnet_jax.files import records
from magnet_jax.train import loop, pace, scalars
from magnet_jax.types import InputError, Meta

META = Meta({'train': {'rate': 0.1, 'drops': (1, 2)}}, kind='segmenter')


class FakeRun:
  """What this package uses of a run of Weights & Biases."""

  def __init__(self, settings):
    self.settings = settings
    self.id = settings['id'] or 'made'
    self.logged, self.steps, self.exit_code = [], None, None

  def define_metric(self, name, step_metric):
    self.steps = name, step_metric

  def log(self, record):
    self.logged.append(dict(record))

  def finish(self, exit_code):
    self.exit_code = exit_code


@pytest.fixture(autouse=True)
def installed(monkeypatch):
  """Both packages seem to be there, whatever is."""
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: name)


@pytest.fixture
def wandb(monkeypatch):
  """A module in the place of wandb; its runs are in `runs`."""

  class Error(Exception):
    pass

  fake = types.ModuleType('wandb')
  fake.errors = types.SimpleNamespace(Error=Error)
  fake.runs = []

  def init(**settings):
    fake.runs.append(FakeRun(settings))
    return fake.runs[-1]

  fake.init = init
  monkeypatch.setitem(sys.modules, 'wandb', fake)
  monkeypatch.delenv('WANDB_PROJECT', raising=False)
  return fake


@pytest.mark.parametrize('name', scalars.PROGRAMS)
def test_packages_are_extras(name, tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
  words = rf'{name}: needs .*magnet-jax\[{name}\]'
  with pytest.raises(InputError, match=words):
    loop.train(toy_task.make_task(), tmp_path, programs=[name])
  argv = ['train', '--config=tiny', f'--workdir={tmp_path / "w"}', f'--{name}']
  assert main.main(argv) == 2  # at once, before the networks are built
  assert f'magnet-jax[{name}]' in capsys.readouterr().err
  assert not (tmp_path / 'w').exists()


def test_tensorboard_gets_each_number(tmp_path, monkeypatch):
  written = []

  class Writer:
    def __init__(self, folder):
      self.folder = folder

    def add_scalar(self, *scalar):
      written.append(scalar)

    def close(self):
      written.append('closed')

  fake = types.SimpleNamespace(SummaryWriter=Writer)
  monkeypatch.setitem(sys.modules, 'tensorboardX', fake)
  with scalars.writers(['tensorboard'], tmp_path, META) as (write,):
    write({'step': 3, 'loss': 0.5})
  assert written == [('loss', 0.5, 3), 'closed']


def test_wandb_gets_the_records_of_a_training(tmp_path, wandb):
  folder = tmp_path / 'mine' / 'segmenter'
  folder.mkdir(parents=True)
  loop.train(toy_task.make_task(), folder, programs=['wandb'])
  (run,) = wandb.runs
  assert run.settings['name'] == 'mine/segmenter'
  assert run.settings['project'] == 'magnet_jax'
  assert run.settings['dir'] == str(folder)
  assert run.steps == ('*', 'step')
  assert run.logged == records.read(folder / 'train.jsonl')
  assert run.exit_code == 0
  # What has ended begins no run there.
  assert not loop.train(toy_task.make_task(), folder, programs=['wandb'])
  assert len(wandb.runs) == 1


def test_a_resumed_training_goes_on_in_its_run(tmp_path, wandb):
  task = toy_task.make_task()
  short = dataclasses.replace(task, limits=pace.Limits(2))
  loop.train(short, tmp_path, programs=['wandb'])
  loop.train(task, tmp_path, programs=['wandb'])
  first, second = wandb.runs
  assert first.settings['id'] is None
  assert second.settings['id'] == 'made'
  assert second.settings['resume'] == 'allow'
  assert second.logged[0]['step'] == 3


def test_settings_are_plain_and_the_project_can_be_set(
  tmp_path, wandb, monkeypatch
):
  monkeypatch.setenv('WANDB_PROJECT', 'fields')
  with scalars.writers(['wandb'], tmp_path, META):
    pass
  (run,) = wandb.runs
  assert run.settings['project'] is None
  assert json.dumps(run.settings['config']) == (
    '{"train": {"rate": 0.1, "drops": [1, 2]}}'
  )


def test_a_training_that_fails_is_told_so(tmp_path, wandb):
  with (
    pytest.raises(InputError, match='loss'),
    scalars.writers(['wandb'], tmp_path, META),
  ):
    raise InputError('loss nan')
  assert wandb.runs[0].exit_code == 1


def test_wandb_that_cannot_begin(tmp_path, wandb):
  def init(**_):
    raise wandb.errors.Error('No API key\nconfigured.')

  wandb.init = init
  words = 'No API key configured; or set WANDB_MODE=offline'
  with (
    pytest.raises(InputError, match=words),
    scalars.writers(['wandb'], tmp_path, META),
  ):
    pass
