"""Kernels with 8 bits per weight."""

import numpy as np
import pytest

from magnet_jax.files import bundle, eight_bits
from magnet_jax.types import InputError, Meta

KERNEL = 'segmenter/params/conv/kernel'
SCALES = f'__scales__/{KERNEL}'


def arrays(shape=(3, 3, 4, 5)):
  rng = np.random.default_rng(0)
  outputs = 10.0 ** rng.integers(-3, 3, shape[-1])
  return {
    KERNEL: (rng.normal(size=shape) * outputs).astype(np.float32),
    'segmenter/params/conv/bias': rng.normal(size=5).astype(np.float32),
    'segmenter/batch_stats/norm/mean': np.ones(5, np.float32),
  }


def slow(kernel):
  """The nearest of 255 even steps, weight by weight."""
  found = np.zeros_like(kernel)
  for output in range(kernel.shape[-1]):
    step = np.abs(kernel[..., output]).max() / np.float32(127)
    for index in np.ndindex(kernel.shape[:-1]):
      value = kernel[*index, output]
      found[*index, output] = np.float32(round(value / step)) * step
  return found


@pytest.mark.parametrize('shape', [(3, 3, 4, 5), (4, 5), (5,)])
def test_each_weight_is_the_nearest_of_255_steps(shape):
  given = arrays(shape)
  stored = eight_bits.pack(given)
  assert stored[KERNEL].dtype == np.int8
  assert stored[SCALES].dtype == np.float32 and stored[SCALES].shape == (5,)
  found = eight_bits.unpack(stored)
  assert found.keys() == given.keys()
  assert found[KERNEL].dtype == np.float32
  np.testing.assert_array_equal(found[KERNEL], slow(given[KERNEL]))
  for name in given.keys() - {KERNEL}:
    assert found[name] is given[name]


def test_degenerate_kernels():
  tiny = np.array([[0, 1e-44, 1e38]], np.float32)
  found = eight_bits.unpack(eight_bits.pack({KERNEL: tiny}))[KERNEL]
  np.testing.assert_allclose(found, tiny, rtol=1e-6, atol=1e-43)
  empty = {KERNEL: np.zeros((0, 3), np.float32)}
  assert eight_bits.unpack(eight_bits.pack(empty))[KERNEL].shape == (0, 3)
  for bad in (np.nan, np.inf):
    with pytest.raises(InputError, match=f'{KERNEL} holds NaN or infinity'):
      eight_bits.pack({KERNEL: np.array([[bad, 1]], np.float32)})


def test_scales_that_are_not_finite_do_not_warn():
  stored = eight_bits.pack({KERNEL: np.eye(2, dtype=np.float32)})
  stored[SCALES] = np.array([np.inf, 3e38], np.float32)
  assert not np.isfinite(eight_bits.unpack(stored)[KERNEL]).any(0).all()


def test_what_was_read_is_stored_as_it_was():
  once = eight_bits.pack(arrays())
  again = eight_bits.pack(eight_bits.unpack(once))
  np.testing.assert_array_equal(again[KERNEL], once[KERNEL])
  np.testing.assert_allclose(again[SCALES], once[SCALES], rtol=1e-6)


def test_files(tmp_path):
  rng = np.random.default_rng(0)
  params = {
    'conv': {'kernel': rng.normal(size=(3, 3, 64, 64)).astype(np.float32)},
    'norm': {'scale': np.ones(64, np.float32)},
  }
  paths = {bits: tmp_path / f'{bits}.npz' for bits in bundle.BITS}
  for bits, path in paths.items():
    bundle.export(path, {'segmenter': {'params': params}}, Meta(), bits=bits)
  sizes = {bits: path.stat().st_size for bits, path in paths.items()}
  assert sizes[8] < 0.26 * sizes[32]
  found, _ = bundle.read(paths[8])
  found = found['segmenter']['params']
  kernel = params['conv']['kernel']
  limits = np.abs(kernel).max((0, 1, 2)) / 254 * 1.001
  assert (np.abs(found['conv']['kernel'] - kernel) <= limits).all()
  np.testing.assert_array_equal(found['norm']['scale'], 1)
  with pytest.raises(InputError, match=r'4 bits per weight: must be .*32, 8'):
    bundle.export(tmp_path / '4.npz', {}, Meta(), bits=4)
  assert not (tmp_path / '4.npz').exists()


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    ({SCALES: None}, f'{KERNEL} is int8 without scales'),
    ({KERNEL: None}, f'{KERNEL} is missing: .* must be int8'),
    ({KERNEL: np.ones((3, 5), np.float32)}, r'is float32\[3, 5\]: .* int8'),
    ({KERNEL: np.int8(3)}, r'is int8\[\]: a kernel with scales'),
    ({SCALES: np.ones(4, np.float32)}, 'float32.4.: must be one .* 5 outputs'),
    ({SCALES: np.ones(5)}, 'float64.5.: must be one float32'),
  ],
)
def test_damaged_files(tmp_path, changes, words):
  stored = {**eight_bits.pack(arrays()), **changes}
  stored = {name: a for name, a in stored.items() if a is not None}
  path = tmp_path / 'model.npz'
  np.savez(path, **stored, __meta__=np.frombuffer(b'{}', np.uint8))
  with pytest.raises(InputError, match=words) as found:
    bundle.read(path)
  assert str(found.value).startswith(f'{path}: ')
  assert 'export it again' in str(found.value) and '\n' not in str(found.value)
