"""PyTorch files: read without running their code, or one clear error."""

import os
import pickle
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.types import InputError
from magnet_jax.weights import torch_files

STATE = {
  'conv.weight': np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
  'bn.weight': np.array([-0.0, 1e-40], np.float32),
  'bn.num_batches_tracked': np.array(2**40, np.int64),
}
TYPES = ('float16', 'bfloat16', 'float32', 'float64')


@pytest.fixture
def torch():
  return pytest.importorskip(
    'torch', reason='PyTorch is missing: .pth files are not tested'
  )


@pytest.fixture
def safetensors():
  return pytest.importorskip(
    'safetensors', reason='safetensors is missing: its files are not tested'
  )


def same(found, wanted):
  assert found.keys() == wanted.keys()
  for key, array in wanted.items():
    assert found[key].dtype == array.dtype
    assert found[key].shape == array.shape
    assert found[key].tobytes() == array.tobytes()


def tensors(torch):
  return {key: torch.from_numpy(array) for key, array in STATE.items()}


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('nested', ['', 'state_dict', 'model'])
def test_pth(zipped, nested, torch, tmp_path):
  path = tmp_path / 'a.pth'
  state = tensors(torch)
  whole = {nested: state, 'epoch': 3, 'optimizer': {'x': [1]}}
  torch.save(
    whole if nested else state, path, _use_new_zipfile_serialization=zipped
  )
  same(torch_files.read(path), STATE)


def test_written_pth_is_plain(torch, tmp_path):
  path = tmp_path / 'a.pth'
  torch_files.write(path, STATE)
  same(torch_files.read(path), STATE)
  loaded = torch.load(path, weights_only=True)
  assert type(loaded) is dict
  assert {type(value) for value in loaded.values()} == {torch.Tensor}
  assert loaded['bn.num_batches_tracked'].shape == ()
  assert [entry.name for entry in tmp_path.iterdir()] == ['a.pth']


def test_views_and_parameters(torch, tmp_path):
  """What shares memory, is not contiguous, or wants gradients."""
  path = tmp_path / 'a.pth'
  base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
  state = {'a': base.T, 'b': base[1], 'c': torch.nn.Parameter(base)}
  torch.save(state, path)
  found = torch_files.read(path)
  whole = np.arange(12, dtype=np.float32).reshape(3, 4)
  for key, array in {'a': whole.T, 'b': whole[1], 'c': whole}.items():
    np.testing.assert_array_equal(found[key], array)


@pytest.mark.parametrize('dtype', TYPES)
def test_types_of_pth(dtype, torch, tmp_path):
  path = tmp_path / 'a.pth'
  torch.save({'a': torch.tensor([[1.5, -2]]).to(getattr(torch, dtype))}, path)
  found = torch_files.read(path)['a']
  assert found.dtype == jnp.dtype(dtype)
  np.testing.assert_array_equal(found.astype(np.float32), [[1.5, -2]])


@pytest.mark.parametrize('dtype', TYPES)
def test_types_of_safetensors(dtype, safetensors, tmp_path):
  del safetensors
  path = tmp_path / 'a.safetensors'
  array = np.array([[1.5, -2]], jnp.dtype(dtype))
  names = {'float16': 'F16', 'bfloat16': 'BF16', 'float32': 'F32'}
  code = names.get(dtype, 'F64')
  header = (
    f'{{"a":{{"dtype":"{code}","shape":[1,2],'
    f'"data_offsets":[0,{array.nbytes}]}}}}'
  ).encode()
  path.write_bytes(len(header).to_bytes(8, 'little') + header + array.tobytes())
  same(torch_files.read(path), {'a': array})


def test_safetensors_without_pytorch(safetensors, tmp_path, monkeypatch):
  del safetensors
  monkeypatch.setitem(sys.modules, 'torch', None)
  path = tmp_path / 'a.safetensors'
  torch_files.write(path, STATE)
  same(torch_files.read(path), STATE)


def test_pytorch_reads_our_safetensors(torch, safetensors, tmp_path):
  del torch, safetensors
  from safetensors import torch as safe_torch

  path = tmp_path / 'a.safetensors'
  torch_files.write(path, STATE)
  found = {k: t.numpy() for k, t in safe_torch.load_file(path).items()}
  same(found, STATE)


@pytest.mark.parametrize(
  ('name', 'package'),
  [('a.pth', 'torch'), ('a.safetensors', 'safetensors')],
)
def test_missing_packages(name, package, tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, package, None)
  monkeypatch.delitem(sys.modules, f'{package}.numpy', raising=False)
  path = tmp_path / name
  message = rf'{package}: is not installed.*pip install "magnet-jax\[convert\]"'
  with pytest.raises(InputError, match=message):
    torch_files.write(path, STATE)
  assert not path.exists()
  path.write_bytes(b'some')
  with pytest.raises(InputError, match=message):
    torch_files.read(path)


class _Code:
  """Makes a folder when it is unpickled."""

  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return os.mkdir, (self.path,)


@pytest.mark.parametrize('writer', ['zip', 'legacy', 'pickle'])
def test_pickled_code_is_not_run(writer, torch, tmp_path):
  trap = tmp_path / 'trap'
  path = tmp_path / 'a.pth'
  bad = {'conv.weight': _Code(str(trap))}
  if writer == 'pickle':
    path.write_bytes(pickle.dumps(bad))
  else:
    torch.save(bad, path, _use_new_zipfile_serialization=writer == 'zip')
  line = fails(path)
  assert 'a.pth: ' in line and '\n' not in line
  if writer != 'pickle':
    assert 'pickled code (posix.mkdir)' in line
  assert not trap.exists()


def fails(path):
  with pytest.raises(InputError) as caught:
    torch_files.read(path)
  return str(caught.value)


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('part', [0.02, 0.5, 0.99])
def test_truncated(zipped, part, torch, tmp_path):
  path = tmp_path / 'a.pth'
  torch.save(tensors(torch), path, _use_new_zipfile_serialization=zipped)
  whole = path.read_bytes()
  path.write_bytes(whole[: int(len(whole) * part)])
  assert 'damaged' in fails(path)


def test_damaged_safetensors(safetensors, tmp_path):
  del safetensors
  path = tmp_path / 'a.safetensors'
  torch_files.write(path, STATE)
  whole = path.read_bytes()
  for bad in (whole[:-3], whole[:20], b'text', whole + b'more'):
    path.write_bytes(bad)
    assert 'damaged' in fails(path)
  header = b'{"a":{"dtype":"F8_E5M2","shape":[1],"data_offsets":[0,1]}}'
  path.write_bytes(len(header).to_bytes(8, 'little') + header + b'\0')
  assert 'a is F8_E5M2' in fails(path)


@pytest.mark.parametrize(
  ('make', 'words'),
  [
    (lambda t: [t.zeros(1)], 'holds a list'),
    (lambda t: t.zeros(1), 'holds a Tensor'),
    (lambda _: {}, 'an empty dict'),
    (lambda t: {0: t.zeros(1)}, 'keys are not names'),
    (lambda t: {'a.weight': t.zeros(1), 'epoch': 3}, 'epoch is a int'),
    (lambda t: {'a': t.zeros(2, 2).to_sparse()}, 'must be dense'),
  ],
)
def test_no_state_dict(make, words, torch, tmp_path):
  path = tmp_path / 'a.pth'
  torch.save(make(torch), path)
  assert words in fails(path)


def test_other_files(torch, tmp_path):
  path = tmp_path / 'a.pth'
  torch.save(torch.nn.Linear(1, 1), path)
  assert 'pickled code (torch.nn.modules.linear.Linear)' in fails(path)
  path.write_bytes(b'this is text')
  assert 'damaged' in fails(path)
  np.savez(tmp_path / 'a.npz', a=np.zeros(2))
  (tmp_path / 'a.npz').rename(path)
  assert 'damaged' in fails(path)
  path.write_bytes(b'')
  assert 'is empty' in fails(path)
  assert 'no such file' in fails(tmp_path / 'none.pth')
  assert 'is a folder' in fails(tmp_path)


def test_a_header_longer_than_any_networks(tmp_path, monkeypatch):
  monkeypatch.setattr(torch_files, '_import', lambda name: None)
  path = tmp_path / 'a.safetensors'
  path.write_bytes((2**22 + 1).to_bytes(8, 'little') + b'{' * (2**22 + 1))
  with pytest.raises(InputError, match='a header of 4194305 bytes'):
    torch_files.read(path)
