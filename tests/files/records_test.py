"""JSON lines that survive a killed process."""

import json
import signal
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.files import records
from magnet_jax.types import InputError

_KILLED = """
import os, signal, sys
from magnet_jax.files import records
writer = records.Writer(sys.argv[1])
for step in range(5):
  writer.append({'step': step})
os.kill(os.getpid(), signal.SIGKILL)
"""

# A real failure in the middle of a line: the system's limit on file sizes.
_LIMITED = """
import resource, sys
sys.dont_write_bytecode = True  # compiled modules would be cut off
from magnet_jax.files import records
from magnet_jax.types import InputError
with records.Writer(sys.argv[1]) as writer:
  writer.append({'step': 1})
  resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
  try:
    writer.append({'words': 'x' * 100})
  except InputError as error:
    print(error)
"""


def test_round_trip_and_append(tmp_path):
  path = tmp_path / 'a.jsonl'
  with records.Writer(path) as writer:
    writer.append({'image': 'für', 'iou': [0.5, None]})
  with records.Writer(str(path)) as writer:
    writer.append({'step': 2})
  assert records.read(path) == [
    {'image': 'für', 'iou': [0.5, None]},
    {'step': 2},
  ]
  assert path.read_bytes().endswith(b'}\n')


def test_plain_values(tmp_path):
  path = tmp_path / 'a.jsonl'
  with records.Writer(path) as writer:
    writer.append(
      {
        'nan': float('nan'),
        'inf': np.float32('inf'),
        'n': np.int64(3),
        'confusion': np.eye(2, dtype=np.int64),
        'loss': jnp.float32(0.5),
        'deep': [{'x': (np.float64('-inf'), True)}],
        'path': tmp_path,
        'ious': np.array([0.5, np.nan]),
      }
    )
  # Strict: a reader that knows no NaN reads it.
  record = json.loads(path.read_text(), parse_constant=pytest.fail)
  assert record == {
    'nan': None,
    'inf': None,
    'n': 3,
    'confusion': [[1, 0], [0, 1]],
    'loss': 0.5,
    'deep': [{'x': [None, True]}],
    'path': str(tmp_path),
    'ious': [0.5, None],
  }


def test_each_record_survives_sigkill(tmp_path):
  path = tmp_path / 'a.jsonl'
  done = subprocess.run([sys.executable, '-c', _KILLED, str(path)], check=False)
  assert done.returncode == -signal.SIGKILL
  assert [record['step'] for record in records.read(path)] == [*range(5)]


@pytest.mark.parametrize('cut', range(1, 16))
def test_a_cut_off_last_line_is_left_out_and_mended(tmp_path, cut):
  path = tmp_path / 'a.jsonl'
  whole = b'{"step": 1}\n{"step": 22}\n'
  path.write_bytes(whole[:-cut])
  # The newline alone missing, the record is whole; 13 off, nothing is left.
  kept = [1, 22] if cut == 1 else [1] if cut <= 14 else []
  assert [record['step'] for record in records.read(path)] == kept
  with records.Writer(path) as writer:
    writer.append({'step': 3})
  assert [r['step'] for r in records.read(path)] == [*kept, 3]


@pytest.mark.parametrize('bad', [b'{"step": ', b'[1, 2]', b'7', b'\xff\xfe'])
def test_other_bad_lines_are_named(tmp_path, bad):
  path = tmp_path / 'a.jsonl'
  path.write_bytes(b'{"step": 1}\n\n' + bad + b'\n{"step": 2}\n')
  with pytest.raises(InputError, match=r'a\.jsonl: line 3 .*one JSON object'):
    records.read(path)


def test_missing_file_and_folder(tmp_path):
  with pytest.raises(InputError, match='no such file'):
    records.read(tmp_path / 'none')
  with pytest.raises(InputError, match='is a folder'):
    records.read(tmp_path)
  with pytest.raises(InputError, match='create the folder'):
    records.Writer(tmp_path / 'none' / 'a.jsonl')
  with pytest.raises(InputError, match='Is a directory'):
    records.Writer(tmp_path)


def test_a_write_that_breaks_off_leaves_whole_lines(tmp_path):
  path = tmp_path / 'a.jsonl'
  done = subprocess.run(
    [sys.executable, '-c', _LIMITED, str(path)],
    capture_output=True,
    text=True,
    check=True,
  )
  assert 'a.jsonl: cannot be written, File too large' in done.stdout
  assert path.read_bytes() == b'{"step": 1}\n'


def test_truncate_after(tmp_path):
  path = tmp_path / 'a.jsonl'
  records.truncate_after(path, 'step', 3)
  assert not path.exists()
  lines = [{'config': 'x'}, *({'step': step} for step in range(6))]
  path.write_text(''.join(json.dumps(line) + '\n' for line in lines) + '{"st')
  records.truncate_after(path, 'step', 3)
  assert records.read(path) == lines[:5]
  records.truncate_after(path, 'step', -1)
  assert path.read_text() == '{"config": "x"}\n'


def test_write_json(tmp_path):
  path = tmp_path / 'a.json'
  records.write_json(path, {'rows': [{'miou': np.float32(0.5)}]})
  assert json.loads(path.read_text()) == {'rows': [{'miou': 0.5}]}
  with pytest.raises(InputError, match='create the folder'):
    records.write_json(tmp_path / 'none' / 'a.json', {})
  with pytest.raises(TypeError):
    records.write_json(path, {'a': object()})
  assert json.loads(path.read_text()) == {'rows': [{'miou': 0.5}]}
