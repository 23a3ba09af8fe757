"""What is kept of a run besides its flags."""

import subprocess

import pytest
import toy_model

import magnet_jax
from magnet_jax.evaluate import circumstances
from magnet_jax.types import InputError


def test_they_are_read_as_they_are_written(tmp_path):
  assert circumstances.read(tmp_path) == {}
  model = toy_model.make(first=0.5)
  circumstances.write(tmp_path, model)
  found = circumstances.read(tmp_path)
  assert found == circumstances.of(model)
  assert found['plan.first'] == '0.5'
  assert found['refine.points'] == str(model.settings['refine']['points'])
  assert found['magnet-jax'] == magnet_jax.__version__
  assert found['devices'] == '4 x cpu'
  (tmp_path / circumstances.NAME).write_text('no JSON')
  with pytest.raises(InputError, match=r'circumstances\.json'):
    circumstances.read(tmp_path)


@pytest.mark.parametrize(
  ('printed', 'commit'),
  [
    ({'ls-files': '__init__.py', 'describe': '1a2b'}, '1a2b'),
    # Installed in a folder of a repository of something else.
    ({'ls-files': '', 'describe': '1a2b'}, ''),
    ({}, ''),
  ],
)
def test_the_commit_is_that_of_the_package(monkeypatch, printed, commit):
  def run(words, **_):
    if not printed:
      raise FileNotFoundError('git')
    return subprocess.CompletedProcess(words, 0, printed[words[1]] + '\n')

  monkeypatch.setattr(subprocess, 'run', run)
  assert circumstances.of(toy_model.make())['commit'] == commit
