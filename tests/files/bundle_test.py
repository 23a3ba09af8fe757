"""Trained networks as one file."""

import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.files import bundle
from magnet_jax.types import ClassTable, InputError, LabelCodes, Meta

VARIABLES = {
  'segmenter': {
    'params': {'conv': {'kernel': np.arange(6, dtype=np.float32)}},
    'batch_stats': {'bn': {'mean': jnp.ones((2,))}},
  },
}
META = Meta(
  config={'plan': {'rate': 0.1, 'sizes': (1, 2)}},
  classes=ClassTable(('ä',), ((1, 2, 3),), codes=LabelCodes(((7, 9),))),
)


def test_round_trip(tmp_path):
  path = tmp_path / 'model.npz'
  bundle.export(path, VARIABLES, META)
  variables, meta = bundle.read(path)
  assert (meta.config, meta.classes) == (META.config, META.classes)
  segmenter = variables['segmenter']
  np.testing.assert_array_equal(
    segmenter['params']['conv']['kernel'], np.arange(6)
  )
  assert type(segmenter['batch_stats']['bn']['mean']) is np.ndarray
  assert [entry.name for entry in tmp_path.iterdir()] == ['model.npz']


def test_bad_files(tmp_path):
  path = tmp_path / 'model.npz'
  bundle.export(path, VARIABLES, META)
  whole = path.read_bytes()
  for bad in (whole[:100], whole[:-30], b'words', whole[:300] + bytes(9)):
    path.write_bytes(bad)
    with pytest.raises(InputError, match='not a model file'):
      bundle.read(path)
  np.savez(path, a=np.zeros(3))
  with pytest.raises(InputError, match='not a model file'):
    bundle.read(path)
  np.savez(path, a=np.array([object()]), __meta__=np.zeros(2, np.uint8))
  with pytest.raises(InputError, match='not a model file'):
    bundle.read(path)
  np.save(tmp_path / 'a.npy', np.zeros(3))
  with pytest.raises(InputError, match='not a model file'):
    bundle.read(tmp_path / 'a.npy')
  with pytest.raises(InputError, match='no such file'):
    bundle.read(tmp_path / 'none.npz')
  with pytest.raises(InputError, match=r'must end in \.npz'):
    bundle.export(tmp_path / 'model.bin', VARIABLES, META)
