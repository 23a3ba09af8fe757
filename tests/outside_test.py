"""Whatever a library raises becomes one line; the rest is for --debug."""

import jax
import pytest

from magnet_jax import outside
from magnet_jax.types import InputError


@pytest.mark.parametrize(
  ('error', 'words'),
  [
    (ValueError('odd\nlength'), r'a\.png: is odd \(ValueError: odd\); copy it'),
    (SystemExit(0), r'a\.png: is odd \(SystemExit: 0\); copy it'),
    (KeyError(), r'a\.png: is odd \(KeyError\); copy it'),
    (RecursionError('x' * 999), r'a\.png: is odd \(RecursionError: x{200}\);'),
    (MemoryError(), r'a\.png: needs more memory than is free; free some'),
  ],
)
def test_errors_become_one_line(error, words):
  with (
    pytest.raises(InputError, match=words) as caught,
    outside.reading('a.png', 'is odd', 'copy it'),
  ):
    raise error
  assert caught.value.__cause__ is error
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  'error',
  [
    InputError('b: bad; mend it'),
    BrokenPipeError(),
    KeyboardInterrupt(),
    jax.errors.JaxRuntimeError('the device is gone'),
  ],
)
def test_what_is_not_the_inputs_fault_passes(error):
  with (
    pytest.raises(type(error)) as caught,
    outside.reading('a.png', 'is odd', 'copy it'),
  ):
    raise error
  assert caught.value is error


@pytest.mark.parametrize('wanted', [True, False])
def test_the_traceback_is_for_those_who_ask(wanted, capsys):
  with outside.debugging(wanted):
    try:
      with outside.reading('a.png', 'is odd', 'copy it'):
        raise ValueError('the original')
    except InputError as error:
      outside.told(error)
  outside.told(InputError('after it'))
  found = capsys.readouterr().err
  assert ('ValueError: the original' in found) == wanted
  assert ('Traceback' in found) == wanted
  assert 'after it' not in found
