"""Detectron2's .pkl: arrays are read, and nothing in it is run."""

import collections
import os
import pickle
import re

import numpy as np
import pytest

from magnet_jax.types import InputError
from magnet_jax.weights import pickled_arrays, torch_files

RNG = np.random.default_rng(0)
MODEL = collections.OrderedDict(
  kernel=RNG.normal(size=(2, 3, 1, 4)).astype(np.float32),
  turned=np.asfortranarray(RNG.normal(size=(3, 5))),
  half=RNG.normal(size=7).astype(np.float16),
  swapped=RNG.normal(size=2).astype('>f4'),
  none=np.zeros((0, 3), np.float32),
  number=np.int64(2**40),
)


def _file(tmp_path, data):
  path = tmp_path / 'a.pkl'
  path.write_bytes(data if isinstance(data, bytes) else pickle.dumps(data))
  return path


def _fails(tmp_path, data):
  with pytest.raises(InputError) as caught:
    torch_files.read(_file(tmp_path, data))
  line = str(caught.value)
  assert 'a.pkl: ' in line and '\n' not in line
  return line


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_every_protocol(tmp_path, protocol):
  whole = {'model': MODEL, '__author__': 'a', 'matching_heuristics': True}
  found = torch_files.read(_file(tmp_path, pickle.dumps(whole, protocol)))
  assert found.keys() == MODEL.keys()
  for key, array in MODEL.items():
    np.testing.assert_array_equal(found[key], array, strict=True)
    assert found[key].flags.writeable


def test_names_of_both_numpys(tmp_path):
  data = pickle.dumps({'model': {'a': MODEL['kernel']}}, 2)
  other = {b'numpy.core': b'numpy._core', b'numpy._core': b'numpy.core'}
  renamed = re.sub(rb'numpy\._?core', lambda m: other[m.group()], data)
  assert renamed != data
  found = torch_files.read(_file(tmp_path, renamed))
  np.testing.assert_array_equal(found['a'], MODEL['kernel'])


def test_pickled_code_is_not_run(tmp_path):
  trap = tmp_path / 'trap'

  class Code:
    def __reduce__(self):
      return os.mkdir, (str(trap),)

  assert 'pickled code (posix.mkdir)' in _fails(tmp_path, {'model': Code()})
  objects = np.array([Code()], object)
  assert 'pickled code' in _fails(tmp_path, {'model': {'a': objects}})
  for name in (b'builtins\neval', b'numpy\nload', b'torch\nload'):
    line = _fails(tmp_path, b'\x80\x02c' + name + b'\n.')
    assert 'pickled code' in line and 'torch.save' in line
  # Pickles may set attributes of what they name.
  for name in (b'numpy\nndarray', b'collections\nOrderedDict'):
    _fails(tmp_path, b'\x80\x02c' + name + b'\n}X\x01\x00\x00\x00aNsb.')
  assert not hasattr(collections.OrderedDict, 'a')
  assert not trap.exists()


def test_files_of_other_things(tmp_path):
  assert 'model holds arrays' in _fails(tmp_path, {'model': {'a': 'text'}})
  assert 'holds an empty dict' in _fails(tmp_path, {'model': {}})
  for found in ([1], 'text', np.zeros(2)):
    assert 'is not a pickled dict' in _fails(tmp_path, found)
  whole = pickle.dumps({'model': MODEL})
  for length in (9, len(whole) // 2, len(whole) - 1):
    assert 'damaged' in _fails(tmp_path, whole[:length])
  with pytest.raises(InputError, match='no such file'):
    pickled_arrays.read(tmp_path / 'none.pkl')


def test_arrays_are_of_plain_numbers(tmp_path):
  for array in (np.array(['a']), np.zeros(2, 'i4,f4'), np.zeros(2, 'M8[s]')):
    assert 'damaged' in _fails(tmp_path, {'model': {'a': array}})


def test_a_pickle_of_too_many_objects(tmp_path):
  path = tmp_path / 'a.pkl'
  path.write_bytes(b'\x80\x02(' + b'}' * 1_100_000 + b'l.')
  with pytest.raises(InputError, match='more than 1000000 objects'):
    pickled_arrays.read(path)


def test_bytes_that_are_named_again_and_again(tmp_path):
  """Each time they would become an array of their own."""
  data, path = bytes(4 * 10**6), tmp_path / 'a.pkl'
  make = np.array([0], np.uint8).__reduce__()[0]

  class Again:
    def __reduce__(self):
      state = (1, (len(data),), np.dtype('u1'), False, data)
      return make, (np.ndarray, (0,), b'b'), state

  path.write_bytes(pickle.dumps({str(i): Again() for i in range(300)}))
  assert path.stat().st_size < 5 * 10**6
  with pytest.raises(InputError, match='claims arrays of'):
    pickled_arrays.read(path)
