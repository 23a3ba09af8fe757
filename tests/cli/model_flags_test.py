"""Settings that flags change in a model."""

import importlib

import pytest

from magnet_jax.cli import command_line, model_flags, segment
from magnet_jax.data import classes
from magnet_jax.predict import combine
from magnet_jax.predict import model as models
from magnet_jax.scenes import generator
from magnet_jax.types import InputError


def test_windows_are_chosen_by_the_score_of_the_flag():
  flags = ['a.png', '--windows=0.5', '--window-score=mean']
  found = command_line.parse('segment', segment, flags).flags
  options = model_flags.change(models.load('scenes'), found).cascade().options
  assert (options.windows, options.window_score) == (0.5, 'mean')


def test_models_of_earlier_versions_choose_by_outlines():
  assert models.load('scenes').cascade().options.window_score == 'outlines'


def test_an_unknown_score_is_refused():
  with pytest.raises(InputError, match='outlines'):
    command_line.parse('segment', segment, ['a', '--window-score=chance'])


def parsed(command, *argv):
  module = importlib.import_module(f'magnet_jax.cli.{command}')
  return command_line.parse(command, module, argv).flags


@pytest.mark.parametrize('command', ['demo', 'evaluate', 'tune'])
def test_generated_scenes_have_their_own_model(command, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'scenes').mkdir()  # images, perhaps
  model, _ = model_flags.load_with_meta(parsed(command))
  assert model.classes == generator.CLASSES


def test_photographs_have_another_one():
  model, _ = model_flags.load_with_meta(parsed('segment', 'a.png'))
  assert model.classes == classes.get('dubai')


def test_a_segmenter_takes_the_place_of_the_default(monkeypatch):
  monkeypatch.setattr(combine, 'load', lambda *names, batch: names)
  flags = parsed('segment', 'a.png', '--segmenter=b', '--refiner=c')
  assert model_flags.load_with_meta(flags) == ('b', 'c')
  flags = parsed('segment', 'a.png', '--segmenter=b', '--checkpoint=scenes')
  with pytest.raises(InputError, match='--checkpoint=scenes with --segmenter'):
    model_flags.load_with_meta(flags)


@pytest.mark.parametrize('name', [[], ['--checkpoint=scenes']])
def test_tune_does_not_write_into_the_package(name, fails):
  line = fails('tune', *name)
  assert '--checkpoint=scenes: is an embedded model' in line
  assert '--no-write' in line


@pytest.mark.parametrize('command', ['demo', 'evaluate', 'tune'])
def test_an_unknown_name_lists_the_known_ones(command, fails, tmp_path):
  out = f'--out={tmp_path / "out"}'
  line = fails(command, '--checkpoint=forests', out)
  assert 'forests: no such file or folder' in line and 'scenes' in line
  assert not (tmp_path / 'out').exists()
