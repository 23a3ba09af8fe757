import errno
import os
import subprocess
import sys

import pytest

import magnet_jax
from magnet_jax.cli import main, messages
from magnet_jax.cli import segment as command
from magnet_jax.types import InputError


def test_help_comes_without_jax():
  code = (
    'import sys; from magnet_jax.cli import main; main.main(["--help"]); '
    'sys.exit("jax" in sys.modules)'
  )
  found = subprocess.run(
    [sys.executable, '-c', code], capture_output=True, text=True, check=False
  )
  assert found.returncode == 0, found.stderr
  for name in main.COMMANDS:
    assert f'  {name} ' in found.stdout


@pytest.mark.parametrize('unbuffered', ['', '1'])
@pytest.mark.parametrize('stream', ['stdout', 'stderr'])
def test_output_to_a_full_disk(stream, unbuffered):
  words = ['--help'] if stream == 'stdout' else ['segment']
  with open('/dev/full', 'w', encoding='utf-8') as full:
    found = subprocess.run(
      [sys.executable, '-m', 'magnet_jax', *words],
      **{'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, stream: full},
      env={**os.environ, 'PYTHONUNBUFFERED': unbuffered},
      text=True,
      check=False,
    )
  assert found.returncode == 2
  if stream == 'stdout':
    assert found.stderr.count('\n') == 1 and 'free some space' in found.stderr


@pytest.mark.parametrize('closed', ['<&-', '>&-', '2>&-', '<&- >&- 2>&-'])
def test_closed_streams(closed):
  line = f'{sys.executable} -m magnet_jax --help {closed}'
  found = subprocess.run(line, shell=True, capture_output=True, check=False)
  assert found.returncode == 0 and not found.stderr
  assert bool(found.stdout) == (' >' not in f' {closed}')


@pytest.mark.parametrize(
  'variable', ['JAX_PLATFORMS=cuda', 'JAX_PLATFORMS=none', 'JAX_ENABLE_X64=x']
)
def test_variables_of_jax(variable):
  name, value = variable.split('=')
  found = subprocess.run(
    [sys.executable, '-m', 'magnet_jax', 'segment', 'x.png', '--out=/dev/null'],
    capture_output=True,
    env={**os.environ, name: value},
    text=True,
    check=False,
  )
  assert found.returncode == 2, found.stderr
  assert found.stderr.count('\n') == 1 and f'{name}' in found.stderr
  assert 'correct or unset' in found.stderr


def test_warnings_of_libraries_are_not_shown():
  code = (
    'import sys, warnings; from magnet_jax.cli import main; '
    'main.main = lambda _: warnings.warn("a") or 0; main.run()'
  )
  found = subprocess.run(
    [sys.executable, '-c', code], capture_output=True, text=True, check=False
  )
  assert (found.returncode, found.stderr) == (0, '')
  found = subprocess.run(
    [sys.executable, '-c', code, '--debug'],
    capture_output=True,
    text=True,
    check=False,
  )
  assert 'UserWarning: a' in found.stderr


@pytest.mark.parametrize('name', main.COMMANDS)
def test_help_of_every_command_shows_examples_and_defaults(name, capsys):
  assert main.main([name, '--help']) == 0
  text = capsys.readouterr().out
  assert f'usage: magnet-jax {name}' in text
  assert 'examples:' in text
  assert 'default:' in text or 'if not given' in text
  assert 'absl' not in text


@pytest.mark.parametrize('words', [[], ['--debug']])
def test_no_command_shows_the_overview_and_fails(words, capsys):
  assert main.main(words) == 2
  assert 'usage: magnet-jax COMMAND' in capsys.readouterr().out


def test_version(capsys):
  assert main.main(['--version']) == 0
  version = magnet_jax.__version__
  assert capsys.readouterr().out == f'magnet-jax {version}\n'


def test_unknown_command_and_flag(fails):
  line = fails('sgment')
  assert 'sgment' in line and 'segment' in line
  line = fails('segment', '--kernl=3', 'x.png')
  assert '--kernl' in line and 'kernel' in line
  assert '--kernel=x' in fails('segment', '--kernel=x', 'x.png')
  assert '--selection=no' in fails('segment', '--selection=no', 'x.png')
  assert 'stray' in fails('demo', 'stray')


@pytest.mark.parametrize(
  ('error', 'status', 'words'),
  [
    (InputError('x: bad\nthing; mend it'), 2, r'x: bad\nthing; mend it'),
    (KeyboardInterrupt(), 130, 'interrupted'),
    (MemoryError(), 2, '--batch'),
    (OSError(errno.ENOSPC, 'No space left', '/full'), 2, '/full: No space'),
    (RuntimeError('RESOURCE_EXHAUSTED: Out of memory'), 2, '--batch'),
  ],
)
def test_failures_are_one_line(error, status, words, monkeypatch, capsys):
  def fail(_):
    raise error

  monkeypatch.setattr(command, 'run', fail)
  assert main.main(['segment', 'x.png']) == status
  lines = capsys.readouterr().err.splitlines()
  assert len(lines) == 1
  assert words in lines[0]


@pytest.mark.parametrize(
  'message',
  [
    '{}: must not; mend it',
    'flag={}: is not in {}: must be; mend it',
    'must end in x, but is {}; mend it',
    '{}; mend it by {}, or by {}; mend it',
  ],
)
@pytest.mark.parametrize('value', ['a' * 5000, 'a/' * 2500, '\n' * 3000])
def test_long_values_leave_the_rest_of_a_line(message, value, capsys):
  messages.show(message.format(*[value] * 3))
  line = capsys.readouterr().err
  assert len(line) < 1000 and '…' in line and line.endswith('; mend it\n')
  for word in message.split('{}')[0].split():
    assert word in line


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch):
  def fail(_):
    raise ZeroDivisionError

  monkeypatch.setattr(command, 'run', fail)
  with pytest.raises(ZeroDivisionError):
    main.main(['segment', 'x.png'])


def test_debug_adds_the_traceback(tmp_path, capfd):
  """For the last error and for those of single images."""
  (tmp_path / 'a.npz').write_bytes(b'PK no archive')
  words = ['refine', 'a.png', f'--probabilities={tmp_path / "a.npz"}']
  assert main.main([*words, '--debug']) == 2
  first, *rest = capfd.readouterr().err.splitlines()
  assert first.startswith('magnet-jax: error: ')
  assert rest[1].startswith('Traceback')
  assert main.main(words) == 2
  assert len(capfd.readouterr().err.splitlines()) == 1


def test_names_that_no_system_has(fails):
  for word in ('a\0b.png', '--out=\ud800', 'a\ud800'):
    assert 'holds a character' in fails('segment', 'a.png', word)
