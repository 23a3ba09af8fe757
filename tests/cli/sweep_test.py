"""`magnet-jax sweep` trains and scores a run for each combination."""

import json
import pathlib
import subprocess

import pytest

from magnet_jax.cli import main, sweep, variations
from magnet_jax.types import InputError


def test_all_combinations():
  found = variations.combine(
    ['train.segmenter.rate=1e-3,3e-3', "plan.network=(32,32),(48, 48),'a,b'"]
  )
  assert [each.name for each in found] == [
    f'rate={rate},network={network}'
    for rate in ('1e-3', '3e-3')
    for network in ('32_32', '48_48', 'a_b')
  ]
  assert found[1].overrides == (
    '--config.train.segmenter.rate=1e-3',
    '--config.plan.network=(48, 48)',
  )


def test_names_tell_fields_of_the_same_name_apart():
  texts = ['train.segmenter.rate=1', 'train.refiner.rate=2', 'plan.first=0']
  (found,) = variations.combine(texts)
  assert found.name == 'segmenter.rate=1,refiner.rate=2,first=0'


@pytest.mark.parametrize(
  ('texts', 'words'),
  [
    (['rate'], 'must be KEY=VALUE'),
    (['=3'], 'must be KEY=VALUE'),
    (['rate=1,,2'], 'must be KEY=VALUE'),
    (['rate='], 'must be KEY=VALUE'),
    (['a.rate=1', 'a.rate=2'], 'is there twice'),
    (['a.rate=1,1'], 'two runs would be named rate=1'),
    (['a.x=' + ','.join(map(str, range(1001)))], '1001 runs'),
  ],
)
def test_what_is_refused(texts, words):
  with pytest.raises(InputError, match=words):
    variations.combine(texts)


@pytest.fixture
def commands(monkeypatch):
  """Instead of processes; fails where the width is 8."""
  ran = []

  def run(argv, *, stdout, **_):
    name, *rest = argv[3:]
    ran.append((name, rest))
    given = dict(word.split('=', 1) for word in rest)
    if given.get('--config.segmenter.width') == '8':
      stdout.write(b'a line\nmagnet-jax: error: loss nan at step 3\n')
      return subprocess.CompletedProcess(argv, 2)
    if given.get('--config.segmenter.width') == '6':
      return subprocess.CompletedProcess(argv, -9)
    if name == 'evaluate':
      out = pathlib.Path(given['--out'])
      out.mkdir(parents=True)
      score = 0.7 if 'width=16' in str(out) else 0.5
      rows = [{'method': 'magnet', 'miou': score, 'boundary_iou': None}]
      (out / 'summary.json').write_text(json.dumps({'rows': rows}))
    return subprocess.CompletedProcess(argv, 0)

  monkeypatch.setattr(sweep.subprocess, 'run', run)
  return ran


def test_runs_are_scored_and_the_best_is_first(commands, tmp_path, capsys):
  argv = ['sweep', '--config=tiny', f'--workdir={tmp_path}']
  argv += ['--vary=segmenter.width=4,16', '--limit=3', '--hours=0.1']
  assert main.main([*argv, '--config.seed=5']) == 0
  told = capsys.readouterr().out
  assert '1 of 2: width=4\n  val mIoU: magnet 50.0 % (' in told
  lines = [line for line in told.splitlines() if line.startswith('width=')]
  assert [line.split()[:2] for line in lines] == [
    ['width=16', '70.0*'],
    ['width=4', '50.0'],
  ]
  assert 'magnet-jax report' in told
  assert (tmp_path / 'table.txt').read_text() in told
  assert [name for name, _ in commands] == ['train', 'evaluate'] * 2
  train, score = commands[0][1], commands[1][1]
  assert '--config.seed=5' in train and '--hours=0.1' in train
  assert '--config.segmenter.width=4' in train
  assert '--limit=3' in score
  assert f'--checkpoint={tmp_path}/width=4' in score


def test_the_others_go_on_after_one_that_fails(commands, tmp_path, capsys):
  argv = ['sweep', '--config=tiny', f'--workdir={tmp_path}']
  assert main.main([*argv, '--vary=segmenter.width=8,6,4']) == 2
  told = capsys.readouterr().out
  assert '  failed: loss nan at step 3\n' in told
  assert 'width=8: loss nan at step 3' in told
  assert 'width=6: was ended by signal 9' in told
  assert ['width=4', '50.0'] in [line.split()[:2] for line in told.splitlines()]
  assert (tmp_path / 'width=8.log').read_text().startswith('a line')


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    (['--vary=segmenter.width=4'], '--workdir: missing'),
    (['--workdir=w'], '--vary: missing'),
    (['--workdir=w', '--vary=segmenter.widht=4'], 'did you mean'),
    (['--workdir=w', '--vary=segmenter.width=4,wide'], 'segmenter.width'),
    (['--workdir=w', '--vary=train.segmenter.rate=1,-1'], 'rate'),
  ],
)
def test_settings_are_checked_before_the_first_run(
  flags, words, fails, tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  assert words in fails('sweep', '--config=tiny', *flags)
  assert not [*tmp_path.iterdir()]
