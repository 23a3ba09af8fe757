"""Files to write: of the right kind, no input, no device."""

import os

import pytest


@pytest.mark.parametrize('command', ['evaluate', 'demo', 'bench'])
def test_what_must_not_be_replaced(command, fails, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'in.json').write_text('{}')
  (tmp_path / 'link.json').symlink_to('in.json')
  (tmp_path / 'd.json').mkdir()
  os.mkfifo(tmp_path / 'p.json')
  before = sorted(path.name for path in tmp_path.iterdir())
  flag = 'image' if command == 'bench' else 'checkpoint'
  for name, words in {
    'in.json': 'is an input',
    'link.json': 'is an input',
    'd.json': 'Is a directory',
    'p.json': 'is a device or a pipe',
    'x.png': 'must end in .json',
    '/dev/null': 'must end in .json',
  }.items():
    line = fails(command, f'--{flag}=in.json', f'--json={name}')
    assert words in line and name in line
  assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_model_is_not_replaced_by_a_rounded_one(fails, tmp_path):
  path = tmp_path / 'm.npz'
  path.write_bytes(b'model')
  assert 'is an input' in fails('convert', path, '--to=npz', f'--out={path}')
  assert path.read_bytes() == b'model'
