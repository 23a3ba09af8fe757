"""The public names: importable, typed, and all of them documented."""

import pathlib
import re
import subprocess
import sys

import pytest

import magnet_jax

ROOT = pathlib.Path(__file__).parents[1]
USES = ROOT / 'tests' / 'public_names.py'


def test_every_name_leads_somewhere():
  assert sorted(magnet_jax.__all__, key=str.lower) == sorted(
    magnet_jax._PLACES, key=str.lower
  )
  for name in magnet_jax.__all__:
    assert getattr(magnet_jax, name).__doc__, name
    assert name in dir(magnet_jax)
  with pytest.raises(AttributeError, match='no_such_name'):
    _ = magnet_jax.no_such_name


def test_every_name_is_used_and_described():
  uses = USES.read_text()
  page = (ROOT / 'docs' / 'api.md').read_text()
  for name in magnet_jax.__all__:
    assert f'magnet_jax.{name}' in uses, name
    assert re.search(rf'^\|.*`{name}\b.*\|.*\|$', page, re.MULTILINE), name


def test_type_checkers_know_every_name(tmp_path):
  """As someone's own file that imports the installed package."""
  pytest.importorskip('mypy')
  wrong = tmp_path / 'wrong.py'
  wrong.write_text('import magnet_jax\n\nmagnet_jax.no_such_name\n')
  done = subprocess.run(
    [sys.executable, '-m', 'mypy', '--strict', '--config-file=',
     '--follow-imports=silent', f'--cache-dir={tmp_path / "cache"}',
     str(USES), str(wrong)],
    cwd=ROOT, capture_output=True, text=True, check=False,
  )  # fmt: skip
  lines = done.stdout.splitlines()
  assert len(lines) == 2, done.stdout + done.stderr
  assert 'wrong.py:3: error: Module has no attribute' in lines[0]


def test_it_runs_as_a_module():
  done = subprocess.run(
    [sys.executable, '-m', 'magnet_jax', '--version'],
    cwd=ROOT, capture_output=True, text=True, check=False,
  )  # fmt: skip
  assert done.stdout == f'magnet-jax {magnet_jax.__version__}\n', done.stderr
