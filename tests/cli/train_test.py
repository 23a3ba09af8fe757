"""The flags of `magnet-jax train`."""

import pytest

from magnet_jax.cli import main
from magnet_jax.train import corrector_run, runs


@pytest.mark.parametrize('network', ['segmenter', 'refiner'])
def test_time_is_limited_as_a_whole_or_one_by_one(network, tmp_path, fails):
  single = f'--config.train.{network}.hours=2'
  flags = ['--config=tiny', f'--workdir={tmp_path / "w"}']
  line = fails('train', *flags, '--hours=0.5', single)
  assert f'--hours=0.5 and {single}: ' in line and 'leave one out' in line
  assert not (tmp_path / 'w').exists()


def test_a_folder_without_a_run_needs_settings(tmp_path, fails):
  folder = tmp_path / 'runs_m2'  # a slip of runs/m2
  line = fails('train', f'--workdir={folder}')
  assert f'{folder}/config.json: no such file' in line
  assert 'name the settings of a new run, such as --config=default' in line
  assert not folder.exists()


def test_a_budget_takes_precedence_over_those_of_a_config(
  tmp_path, monkeypatch, capsys
):
  config = tmp_path / 'config.py'
  config.write_text(
    'from magnet_jax.configs import tiny\n\n\n'
    'def get_config():\n'
    '  config = tiny.get_config()\n'
    '  config.train.segmenter.hours = 9.0\n'
    '  return config\n'
  )
  seen = []

  def train(task, folder, programs, hours, begins=None):
    seen.append((task.name, task.limits.hours, hours))
    raise KeyboardInterrupt

  monkeypatch.setattr(runs, 'train_one', train)
  flags = [f'--config={config}', f'--workdir={tmp_path / "w"}']
  for extra in (['--hours=3'], []):
    main.main(['train', *flags, *extra])
  assert seen == [('segmenter', 2.0, 3.0), ('segmenter', 9.0, None)]


@pytest.mark.parametrize(
  ('own', 'named'), [(True, 'w'), (False, 'w/model.npz')]
)
def test_what_is_to_be_measured_has_a_segmenter(
  own, named, tmp_path, monkeypatch, capsys
):
  folder = tmp_path / 'w'
  folder.mkdir()
  if own:
    folder.joinpath('segmenter').mkdir()
  monkeypatch.setattr(
    corrector_run, 'run', lambda config, to, **_: to / 'model.npz'
  )
  flags = ['--config=tiny', f'--workdir={folder}', '--stage=segfix']
  assert main.main(['train', *flags]) == 0
  told = capsys.readouterr().out
  assert f'evaluate --checkpoint={tmp_path / named} --split=test ' in told
  assert f'--methods=patch,segfix --out={folder}/test' in told
