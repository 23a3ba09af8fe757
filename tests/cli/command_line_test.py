import re

import pytest

from magnet_jax.cli import command_line, evaluate, segment, train
from magnet_jax.methods import table
from magnet_jax.types import InputError


def test_flags_may_stand_after_names():
  found = command_line.parse('segment', segment, ['a.png', '--out=x', 'b.png'])
  assert found.names == ('a.png', 'b.png')
  assert found.flags.out == 'x'
  assert found.flags.panel


def test_switches_take_both_spellings():
  for word in ('--nopanel', '--no-panel', '--panel=false'):
    found = command_line.parse('segment', segment, ['a.png', word])
    assert not found.flags.panel


def test_flags_take_dashes_for_underscores():
  found = command_line.parse('segment', segment, ['a', '--min-uncertainty=.1'])
  assert found.flags.min_uncertainty == 0.1


@pytest.mark.parametrize('flag', ['out', 'checkpoint', 'store'])
def test_what_is_empty_by_mistake(flag):
  with pytest.raises(InputError, match=rf'{flag}=: ?(is empty|value)'):
    command_line.parse('segment', segment, ['a.png', f'--{flag}='])


def test_an_empty_name():
  with pytest.raises(InputError, match='segment: a name is empty; name a'):
    command_line.parse('segment', segment, ['a.png', ''])


def test_the_home_that_shells_leave(monkeypatch):
  monkeypatch.setenv('HOME', '/home/me')
  found = command_line.parse('segment', segment, ['a.png', '--out=~/a~'])
  assert found.flags.out == '/home/me/a~'
  found = command_line.parse('segment', segment, ['a.png', '--out=~me'])
  assert found.flags.out == '~me'


def test_each_parse_starts_anew():
  command_line.parse('segment', segment, ['a.png', '--kernel=3'])
  assert command_line.parse('segment', segment, ['a']).flags.kernel is None


def test_overrides_are_kept_for_the_config():
  found = command_line.parse(
    'train',
    train,
    [
      '--config.train.segmenter.steps=3',
      '--config=tiny',
      '--workdir',
      'w',
      '--config.seed',
      '4',
      '--noconfig.augment.rotate',
    ],
  )
  assert found.flags.config == 'tiny'
  assert found.flags.workdir == 'w'
  assert found.overrides == (
    '--config.train.segmenter.steps=3',
    '--config.seed=4',
    '--noconfig.augment.rotate',
  )


def test_overrides_need_a_command_with_a_config():
  with pytest.raises(InputError, match='unknown flag'):
    command_line.parse('segment', segment, ['a.png', '--config.seed=1'])


def test_lists():
  found = command_line.parse('evaluate', evaluate, ['--methods=magnet,patch'])
  assert found.flags.methods == ['magnet', 'patch']


@pytest.mark.parametrize('command', [evaluate, segment, train])
def test_help_names_choices_and_defaults_once(command, capsys):
  assert command_line.parse('it', command, ['--help']) is None
  text = ' '.join(capsys.readouterr().out.split())
  assert "['" not in text
  for choices in re.findall(r'=<([^>]*\|[^>]*)>', text):
    assert text.count(f'{choices}: ') == 0, choices
  if command is evaluate:
    assert all(
      f' {name} {each.about}' in text for name, each in table.METHODS.items()
    )


def test_share():
  assert command_line.share('4', 'windows') == 4
  assert isinstance(command_line.share('4', 'windows'), int)
  assert command_line.share('0.25', 'windows') == 0.25
  with pytest.raises(InputError, match='--windows=quarter'):
    command_line.share('quarter', 'windows')


def test_windows():
  assert command_line.windows('4', 'windows') == 4
  assert command_line.windows('0.25', 'windows') == 0.25
  assert command_line.windows('0.5, 4', 'windows') == (0.5, 4)
  with pytest.raises(InputError, match='--windows=half'):
    command_line.windows('0.25,half', 'windows')


def test_size():
  assert command_line.size('30x40', 'size') == (30, 40)
  assert command_line.size('30', 'size') == (30, 30)
  for text in ('', '0', '3x4x5', '-3', '3.5', 'x'):
    with pytest.raises(InputError, match='--size='):
      command_line.size(text, 'size')
