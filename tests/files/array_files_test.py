"""Files of arrays that unpack to more than they may."""

import struct
import zipfile

import numpy as np
import pytest

from magnet_jax.files import array_files, bundle, host_memory
from magnet_jax.predict import finished_maps
from magnet_jax.types import InputError


def _claiming(path, shape, data=b''):
  """An array of any shape, by its own account."""
  text = repr({'descr': '<f4', 'fortran_order': False, 'shape': shape})
  text = text.ljust(117) + '\n'
  header = b'\x93NUMPY\x01\0' + struct.pack('<H', len(text)) + text.encode()
  with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('a.npy', header + data)
  return path


@pytest.mark.parametrize(
  ('shape', 'data', 'words'),
  [
    ((10**7, 10**7), b'', 'of memory|of 4'),
    ((2**25,), bytes(2**27), 'more than 200 for each'),
  ],
)
def test_too_large_for_a_network(tmp_path, shape, data, words):
  path = _claiming(tmp_path / 'a.npz', shape, data)
  with pytest.raises(InputError, match=words) as caught:
    bundle.read(path)
  assert str(path) in str(caught.value)


def test_too_large_for_the_memory(tmp_path, monkeypatch):
  path = _claiming(tmp_path / 'a.npz', (2, 2, 3))
  monkeypatch.setattr(host_memory, 'free', lambda: 95)
  with pytest.raises(InputError, match=r'0\.00 GB of memory.*free some'):
    finished_maps.of_probabilities(path, 'a.png', (2, 2))


def test_arrays_that_pack_well_are_read(tmp_path):
  path = tmp_path / 'a.npz'
  np.savez_compressed(path, a=np.zeros(10**6, np.float32))
  assert array_files.read(path)['a'].size == 10**6


def test_other_orders_of_bytes_are_turned(tmp_path):
  for order in '<>':
    np.savez(tmp_path / 'a.npz', a=np.arange(5, dtype=f'{order}f4'))
    found = array_files.read(tmp_path / 'a.npz')['a']
    assert found.dtype == np.float32 and found.dtype.isnative
    np.testing.assert_array_equal(found, np.arange(5))


def test_floats_that_no_device_computes_with(tmp_path):
  np.savez(tmp_path / 'a.npz', a=np.zeros(5, np.longdouble))
  with pytest.raises(
    InputError, match=r'a\.npz: .* \(ValueError: a is of float'
  ):
    bundle.read(tmp_path / 'a.npz')
