"""JSON that Python parses and nothing after it could take."""

import os

import pytest

from magnet_jax.files import plain_json
from magnet_jax.types import InputError

BAD = {
  'deep': b'[' * 100_000,
  'deep and closed': b'[' * 60 + b']' * 60,
  'long number': b'9' * 400,
  'longer number': b'9' * 5000,
  'infinite': b'{"a": 1e999}',
  'no number': b'NaN',
  'half a character': b'["\\ud800"]',
  'half a name': b'{"\\udc00": 1}',
  'bytes': b'\xff\xfe{',
  'nothing': b'',
}


@pytest.mark.parametrize('kind', BAD)
def test_bad_documents_are_one_line(tmp_path, kind):
  with pytest.raises(ValueError):
    plain_json.parse(BAD[kind])
  path = tmp_path / 'a.json'
  path.write_bytes(BAD[kind])
  with pytest.raises(InputError, match=r'as JSON.*; mend it') as caught:
    plain_json.read(path, 'mend it')
  assert str(path) in str(caught.value) and '\n' not in str(caught.value)
  assert len(str(caught.value)) < len(str(path)) + 200


def test_good_documents():
  good = {'a': [1, -2.5, None, True, 'ä\U0001f600'], 'b': {'c': 2**62}}
  text = '{"a": [1, -2.5, null, true, "ä\\ud83d\\ude00"], "b": {"c": %d}}'
  assert plain_json.parse(text % 2**62) == good


def test_a_pipe_is_not_waited_for(tmp_path):
  os.mkfifo(tmp_path / 'a.json')
  with pytest.raises(InputError, match='not a regular file'):
    plain_json.read(tmp_path / 'a.json', 'mend it')
