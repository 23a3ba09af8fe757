"""PyTorch's old format: read without PyTorch, and nothing else let in."""

import collections
import os
import pickle
import struct

import numpy as np
import pytest

from magnet_jax.types import InputError
from magnet_jax.weights import pickled_tensors

MAGIC = 0x1950A86A20F9469CFC6C
MACHINE = {'protocol_version': 1001, 'little_endian': True, 'type_sizes': {}}
ARRAY = np.arange(6, dtype=np.float32)


class _Tensor:
  """Pickles as PyTorch writes a tensor."""

  def __init__(self, shape, strides, offset=0, length=6):
    self.arguments = (offset, shape, strides, False)
    self.length = length


def _file(found, *, machine=MACHINE, keys=('0',), blocks=(ARRAY,)):
  """A file of the old format, with the tensors' storages."""
  parts = [pickle.dumps(each, 2) for each in (MAGIC, 1001, machine)]
  return b''.join(
    [
      *parts,
      found if isinstance(found, bytes) else _state(found),
      pickle.dumps(list(keys), 2),
      *(struct.pack('<q', block.size) + block.tobytes() for block in blocks),
    ]
  )


def _state(tensors, rebuild=b'ctorch._utils\n_rebuild_tensor_v2\n'):
  """Opcodes of a dict of tensors, as PyTorch writes them."""

  def plain(value):
    return pickle.dumps(value, 2)[2:-1]  # without header and stop

  out = b'\x80\x02}'
  for name, tensor in tensors.items():
    out += plain(name)
    out += rebuild + b'(('
    out += plain('storage') + b'ctorch\nFloatStorage\n'
    out += plain('0') + plain('cpu') + plain(tensor.length) + b'NtQ'
    out += b''.join(map(plain, tensor.arguments)) + b'ccollections\n'
    out += b'OrderedDict\n)RtRs'
  return out + b'.'


def _read(tmp_path, data):
  path = tmp_path / 'a.pth'
  path.write_bytes(data)
  return pickled_tensors.read(path)


def _fails(tmp_path, data):
  with pytest.raises(InputError) as caught:
    _read(tmp_path, data)
  line = str(caught.value)
  assert 'a.pth: ' in line
  assert '\n' not in line
  return line


def test_views_of_one_storage(tmp_path):
  found = _read(
    tmp_path,
    _file(
      {
        'whole': _Tensor((2, 3), (3, 1)),
        'turned': _Tensor((3, 2), (1, 3)),
        'part': _Tensor((2,), (1,), offset=4),
        'number': _Tensor((), (), offset=5),
        'none': _Tensor((0,), (1,), offset=6),
      }
    ),
  )
  whole = ARRAY.reshape(2, 3)
  np.testing.assert_array_equal(found['whole'], whole, strict=True)
  np.testing.assert_array_equal(found['turned'], whole.T, strict=True)
  np.testing.assert_array_equal(found['part'], ARRAY[4:], strict=True)
  assert found['number'].shape == ()
  assert found['number'] == 5
  assert found['none'].size == 0
  found['whole'][:] = 0  # its own memory
  assert found['turned'].any()


@pytest.mark.parametrize(
  'tensor',
  [
    _Tensor((7,), (1,)),
    _Tensor((2,), (6,)),
    _Tensor((1,), (1,), offset=6),
    _Tensor((2,), (-1,), offset=1),
    _Tensor((1,), (1,), offset=-1),
    _Tensor((2**40,), (0,)),
    _Tensor((6,), (1,), length=7),
    _Tensor((2, 3), (3,)),
  ],
)
def test_tensors_outside_of_their_storage(tensor, tmp_path):
  assert 'damaged' in _fails(tmp_path, _file({'a': tensor}))


def test_pickled_code_is_not_run(tmp_path):
  trap = tmp_path / 'trap'

  class Code:
    def __reduce__(self):
      return os.mkdir, (str(trap),)

  line = _fails(tmp_path, _file(pickle.dumps({'a': Code()}, 2)))
  assert 'pickled code (posix.mkdir)' in line
  assert 'pickled code (builtins.eval)' in _fails(
    tmp_path, _file(b'\x80\x02cbuiltins\neval\n(X\x01\x00\x00\x001tR.')
  )
  # Other pickles than those of the format are not unpickled at all.
  assert 'is not a state_dict' in _fails(tmp_path, pickle.dumps(Code()))
  assert not trap.exists()


def test_what_is_handed_out_cannot_be_changed(tmp_path):
  """Pickles may set attributes of what they name, such as a method."""
  for name in (b'ccollections\nOrderedDict\n', b'ctorch\nFloatStorage\n'):
    _fails(tmp_path, _file(b'\x80\x02' + name + b'}X\x01\x00\x00\x00aNsb.'))
  assert not hasattr(collections.OrderedDict, 'a')


@pytest.mark.parametrize(
  ('found', 'words'),
  [
    ([1], 'holds a list'),
    ({'a': 1}, 'holds a dict of other things'),
    (collections.OrderedDict(a=[2]), 'holds a OrderedDict of other things'),
  ],
)
def test_no_state_dict(found, words, tmp_path):
  assert words in _fails(tmp_path, _file(pickle.dumps(found, 2)))


def test_damaged_files(tmp_path):
  whole = _file({'a': _Tensor((6,), (1,))})
  assert _read(tmp_path, whole).keys() == {'a'}
  for length in (3, 20, len(whole) // 2, len(whole) - 1):
    assert 'damaged' in _fails(tmp_path, whole[:length])
  for data in (b'text', whole[5:], b'PK\x03\x04' + whole):
    assert 'damaged' in _fails(tmp_path, data)
  big = {**MACHINE, 'little_endian': False}
  tensor = {'a': _Tensor((6,), (1,))}
  assert 'damaged' in _fails(tmp_path, _file(tensor, machine=big))
  assert 'damaged' in _fails(tmp_path, _file(tensor, keys=('1',)))
  with pytest.raises(InputError, match='no such file'):
    pickled_tensors.read(tmp_path / 'none.pth')
